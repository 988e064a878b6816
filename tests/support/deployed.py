"""The stack, really deployed to a local AWS, in front of simulated providers."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from openai import OpenAI

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator.client import SimulatorControl, simulator_process
from tests.support.cdk import Cdk
from tests.support.key_hashes import hash_of
from tests.support.ministack import MiniStack, ministack_process

STAGE = "dev"
STACK = f"FallbackRouter-{STAGE}"
CIRCUIT_FAILURES = 3
KEYS = {"openai": "sim-openai-key", "anthropic": "sim-anthropic-key"}
"""What the simulator takes at first."""


@dataclass(frozen=True)
class Deployed:
    aws: MiniStack
    simulator: SimulatorControl
    cdk: Cdk
    outputs: dict[str, str]
    mapping: Path
    """What was deployed."""

    @property
    def url(self) -> str:
        """API Gateway's own name of the stage does not resolve everywhere; MiniStack answers under this too."""
        return f"{self.aws.url}/restapis/{self.outputs['ApiId']}/{self.outputs['ApiStage']}/_user_request_/"

    def run(self, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
        """`fallback-router`, with the credentials of the root user unless `env` has others."""
        return subprocess.run(
            [sys.executable, "-m", "litellm_fallback_router.cli", *arguments],
            input=stdin,
            env={**os.environ, **self.aws.credentials, **(env or {})},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def command(self, *arguments: str, stdin: str = "") -> str:
        """What `fallback-router` prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_key(self, plan: str = "standard") -> str:
        return self.command("keys", "create", "--plan", plan)

    def client(self, key: str) -> OpenAI:
        """The official client. API Gateway takes the plan's key from the authorizer, MiniStack from this header."""
        headers = {"x-api-key": self.usage_key(key) or "none"}
        return OpenAI(base_url=f"{self.url}v1", api_key=key, default_headers=headers, max_retries=0, timeout=60)

    def usage_key(self, key: str) -> str | None:
        """The plan's key of a caller's key; None: nobody's."""
        table = self.aws.client("dynamodb")
        record = table.get_item(TableName=self.outputs["StateTableName"], Key={"pk": {"S": f"key#{hash_of(key)}"}})
        return str(record["Item"]["usage_key"]["S"]) if "Item" in record else None

    def log(self) -> str:
        """Everything that is in a log group."""
        return "\n".join(self.events().values())

    def events(self) -> dict[str, str]:
        """The same by group, stream and number, which stay an event's own."""
        logs = self.aws.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        streams: dict[str, list[str]] = {}
        for group in groups:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                for event in page["events"]:
                    streams.setdefault(f"{group} {event['logStreamName']}", []).append(event["message"])
        return {f"{name} {number}": one for name, all in streams.items() for number, one in enumerate(all)}

    def store_keys(self) -> None:
        """The providers' keys, as the simulator takes them."""
        for provider, key in KEYS.items():
            self.command("secrets", "set", provider, stdin=key)

    def role(self, owner: str) -> str:
        """Name of the `Gateway`'s or the `Authorizer`'s role."""
        resources = self.aws.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        (name,) = [
            one["PhysicalResourceId"]
            for one in resources
            if one["ResourceType"] == "AWS::IAM::Role" and one["LogicalResourceId"].startswith(f"{owner}Role")
        ]
        return str(name)

    @contextmanager
    def without_permission(self, owner: str, action: str) -> Iterator[None]:
        """The statement that allows `action` is gone while the context lasts."""
        iam, role = self.aws.client("iam"), self.role(owner)
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        kept = [statement for statement in document["Statement"] if action not in statement["Action"]]
        assert len(kept) == len(document["Statement"]) - 1
        less = json.dumps({**document, "Statement": kept})
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=less)
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


@contextmanager
def deployed_gateway(folder: Path, **settings: str) -> Iterator[Deployed]:
    """Bootstrap and deploy. No provider's key is stored yet. `settings`: further ones of the stage."""
    with ministack_process(folder) as aws, simulator_process() as simulator:
        mapping = folder / "my-chain.json"
        mapping.write_text(json.dumps(_mapping(simulator.url)))
        context = {
            "stage": STAGE,
            "response_mode": "buffered",
            "arch": "x86_64",
            "mapping": str(mapping),
            "drill": "rate(1 day)",
            "simulator_url": simulator.url,
            **settings,
        }
        cdk = Cdk(aws, folder, context)
        cdk.bootstrap()
        _lift_tls_policies(aws)
        yield Deployed(aws, simulator, cdk, cdk.deploy(), mapping)


def _mapping(simulator_url: str) -> dict[str, Any]:
    """The shipped mapping. OpenAI and Anthropic are the simulator by their address alone, so that their keys come
    from Secrets Manager as they would in AWS; Bedrock is by the stage's setting."""
    mapping = copy.deepcopy(ROUTER_STYLE_MAPPING)
    bases = {"openai": f"{simulator_url}/openai/v1", "anthropic": f"{simulator_url}/anthropic"}
    for entry in mapping["model_list"]:
        if entry["litellm_provider"] in bases:
            entry["params"]["api_base"] = bases[entry["litellm_provider"]]
    # An open circuit stays open until another environment has had the time to start and to see it.
    mapping["settings"] = {
        "tries_per_deployment": 1,
        "circuit_failures": CIRCUIT_FAILURES,
        "circuit_open_seconds": 120.0,
    }
    return mapping


def _lift_tls_policies(aws: MiniStack) -> None:
    """The bootstrap bucket asks for TLS, which a local AWS does not speak."""
    s3 = aws.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        s3.delete_bucket_policy(Bucket=bucket["Name"])
