"""A stage with a live mapping on a local AWS, and what its operator and its callers do there.

Two things MiniStack does differently are made up for here. It runs no validators (`appconfig_door`). And it asks IAM
for the whole of AppConfig when a mapping is read, where AWS asks for the one that is read: `let_it_read` adds what it
wants, and `may_read` asks IAM what the deployed policy alone would allow.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from openai import OpenAI

from litellm_fallback_router.adapters.appconfig_rollouts import Place
from tests.support.appconfig_door import appconfig_door
from tests.support.deployed import Deployed, deployed_gateway
from tests.support.ministack import ACCOUNT, REGION

MODELS = "openai/gpt-5.4,openai/sim-retired"
"""What a mapping may name beside those that it names today."""
READS = ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
QUESTION: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]


@dataclass(frozen=True)
class LiveStage:
    gateway: Deployed
    appconfig_url: str

    @property
    def place(self) -> Place:
        return Place.of(self.gateway.outputs["MappingPlace"])

    def mapping(self, **models: str) -> dict[str, Any]:
        """The deployed one; `models`: others for deployments, with underscores for hyphens."""
        mapping: dict[str, Any] = copy.deepcopy(json.loads(self.gateway.mapping.read_text()))
        for entry in mapping["model_list"]:
            entry["params"]["model"] = models.get(entry["model_name"].replace("-", "_"), entry["params"]["model"])
        return mapping

    def run(self, command: str, mapping: Any = None, *more: str) -> CompletedProcess[str]:
        """`fallback-router mapping COMMAND`, with a file of that mapping where there is one."""
        arguments = ["mapping", command]
        if mapping is not None:
            file = self.gateway.mapping.with_name("pushed.json")
            file.write_text(json.dumps(mapping))
            arguments.append(str(file))
        return self.gateway.run(*arguments, *more, env={"AWS_ENDPOINT_URL_APPCONFIG": self.appconfig_url})

    def done(self, command: str, mapping: Any = None, *more: str) -> str:
        """What it prints. It must succeed."""
        done = self.run(command, mapping, *more)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def refused(self, command: str, mapping: Any = None, *more: str) -> str:
        """What it says on stderr. It must fail."""
        done = self.run(command, mapping, *more)
        assert done.returncode, done.stdout
        return done.stderr

    def rollouts(self) -> list[tuple[str, str]]:
        """Version and state, the newest first."""
        where = {"ApplicationId": self.place.application, "EnvironmentId": self.place.environment}
        items = self.gateway.aws.client("appconfig").list_deployments(**where)["Items"]
        ordered = sorted(items, key=lambda one: -int(one["DeploymentNumber"]))
        return [(one["ConfigurationVersion"], one["State"]) for one in ordered]

    def versions(self) -> list[int]:
        """Of mappings that AppConfig keeps."""
        profile = {"ApplicationId": self.place.application, "ConfigurationProfileId": self.place.profile}
        found = self.gateway.aws.client("appconfig").list_hosted_configuration_versions(**profile)["Items"]
        return sorted(one["VersionNumber"] for one in found)

    def watched(self) -> list[str]:
        """Names of the alarms that take a mapping back."""
        where = {"ApplicationId": self.place.application, "EnvironmentId": self.place.environment}
        monitors = self.gateway.aws.client("appconfig").get_environment(**where)["Monitors"]
        return [one["AlarmArn"].rpartition(":")[2] for one in monitors]

    def ring(self, alarm: str, state: str = "ALARM") -> None:
        """Put an alarm in that state, as CloudWatch would by its metric."""
        cloudwatch = self.gateway.aws.client("cloudwatch")
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test says so")

    def let_it_read(self) -> None:
        """The function's role may read every mapping: see above."""
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READS, "Resource": "*"}]}
        self.gateway.aws.client("iam").put_role_policy(
            RoleName=self.gateway.role("Gateway"), PolicyName="LocalAws", PolicyDocument=json.dumps(document)
        )

    def may_read(self, configuration: str) -> set[str]:
        """What the deployed policies decide of reading `APPLICATION/environment/ID/configuration/ID`."""
        answer = self.gateway.aws.client("iam").simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{self.gateway.role('Gateway')}",
            ActionNames=READS,
            ResourceArns=[f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/{configuration}"],
        )
        return {one["EvalDecision"] for one in answer["EvaluationResults"]}


def ask(client: OpenAI, model: str = "openai-gpt4o") -> tuple[str, str]:
    """Which model answered, and by which mapping it was chosen."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)
    return str(json.loads(raw.text)["model"]), str(raw.headers["x-router-mapping"])


@contextmanager
def live_stage(folder: Path) -> Iterator[LiveStage]:
    with (
        deployed_gateway(folder, live_mapping="true", models=MODELS) as gateway,
        appconfig_door(gateway.aws) as door,
    ):
        gateway.store_keys()
        yield LiveStage(gateway, door)
