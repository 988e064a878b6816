"""`fallback-router smoke` against the real gateway, with AWS in memory around it and API Gateway's door before it."""

from __future__ import annotations

import copy
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend

from litellm_fallback_router.adapters.dynamodb.items import hash_of
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import SimulatorControl
from local.simulator.client import simulator_process
from local.simulator.faults import Fault
from tests.support.commands import Run, command_runner
from tests.support.emf import extracted, lines_of
from tests.support.gateway import Gateway, gateway_process
from tests.support.rest_door import RestDoor, rest_door

pytestmark = pytest.mark.timeout(180)

TABLE, STACK, SERVICE = "gateway-state", "FallbackRouter-dev", "fallback-router-dev"
DEPLOYMENTS = {entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"]}
AROUND = {"a key of its own", "the door", "the door, without a key", "the mapping", "streaming"}
STAGE = {"state table", "alarms", "metrics"}
EMAIL = "ops@example.com"


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorControl]:
    """Slow enough for a stream to be seen as one."""
    with simulator_process(chunk_delay=0.01) as control:
        yield control


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """What stands behind the door. OpenAI and Anthropic by their address alone, so that a key can be missing."""
    mapping = mapping_at(simulator.url)
    environment = {"ROUTER_SERVICE": SERVICE, "OPENAI_API_KEY": "sim-openai-key", "AWS_EC2_METADATA_DISABLED": "true"}
    folder = tmp_path_factory.mktemp("behind")
    with gateway_process(folder, mapping, simulator_url=simulator.url, env=environment) as running:
        yield running


def mapping_at(simulator_url: str) -> dict[str, Any]:
    mapping = copy.deepcopy(ROUTER_STYLE_MAPPING)
    mapping["settings"] = {"tries_per_deployment": 1, "tries_on_last": 1, "credential_block_seconds": 0.0}
    for entry in mapping["model_list"]:
        if entry["litellm_provider"] == "openai":
            entry["params"]["api_base"] = f"{simulator_url}/openai/v1"
    return mapping


@dataclass
class Staged:
    """A deployed stage, in memory but for its gateway."""

    door: RestDoor
    config: Path
    topic: str
    run: Run

    def smoke(self, *arguments: str) -> tuple[int, str, str]:
        return self.run("smoke", "--config", str(self.config), "--url", self.door.url, *arguments)

    def checks(self, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
        code, out, err = self.smoke("--json", *arguments)
        assert out, err
        return code, {one["name"]: one for one in json.loads(out)["checks"]}

    def subscribe(self) -> None:
        queue = boto3.client("sqs").create_queue(QueueName="pager")["QueueUrl"]
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        endpoint = attributes["Attributes"]["QueueArn"]
        boto3.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint)

    def no_key_is_left(self) -> bool:
        """Every key that was made is revoked in the table and gone from API Gateway, and there was one."""
        items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
        keys = [item for item in items if item["pk"]["S"].startswith("key#")]
        return bool(keys) and all("revoked_at" in key for key in keys) and not usage_keys()


def usage_keys() -> list[Any]:
    return list(boto3.client("apigateway").get_api_keys()["items"])


def usage_key_of(key: str) -> str | None:
    found = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": f"key#{hash_of(key)}"}})
    item = found.get("Item")
    return None if item is None or "revoked_at" in item else item["usage_key"]["S"]


def deploy(plans: dict[str, str], topic: str, mode: str) -> None:
    outputs: dict[str, Any] = {
        "StateTableName": {"Value": TABLE},
        "SecretsPrefix": {"Value": SERVICE},
        "Url": {"Value": "https://abc123.execute-api.us-east-1.amazonaws.com/dev/"},
        "AlarmTopicArn": {"Value": topic},
        "ResponseMode": {"Value": mode},
    }
    outputs |= {f"UsagePlan{name.title()}": {"Value": id, "Description": name} for name, id in plans.items()}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "ROUTER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return command_runner(monkeypatch, capsys)


@contextmanager
def stage(gateway: Gateway, mapping: dict[str, Any], run: Run, folder: Path, mode: str = "stream") -> Iterator[Staged]:
    config = folder / "mapping.json"
    config.write_text(json.dumps(mapping))
    gateway.out.write_text("")  # it appends
    with mock_aws(), rest_door(gateway.url, usage_key_of) as door:
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        api = boto3.client("apigateway")
        rates = {"trial": 1.0, "standard": 10.0}
        plans = {
            name: api.create_usage_plan(name=name, throttle={"rateLimit": rate, "burstLimit": 2})["id"]
            for name, rate in rates.items()
        }
        topic = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
        deploy(plans, topic, mode)
        with extracted(partial(lines_of, gateway.out), boto3.client("cloudwatch")):
            yield Staged(door, config, topic, run)


@pytest.fixture
def staged(
    gateway: Gateway, simulator: SimulatorControl, run: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Staged]:
    """A parameter is the stage's response_mode."""
    with stage(gateway, mapping_at(simulator.url), run, tmp_path, getattr(request, "param", "stream")) as ready:
        yield ready
    simulator.reset()


def test_stage_that_answers_as_it_should_is_well(staged: Staged) -> None:
    staged.subscribe()
    code, found = staged.checks("--wait", "30")
    assert {name: one for name, one in found.items() if one["status"] != "ok"} == {}
    assert code == 0
    assert found.keys() == DEPLOYMENTS | AROUND | STAGE
    assert len(staged.door.keys) == 2 * len(DEPLOYMENTS)
    assert staged.no_key_is_left()
    assert "on plan standard" in found["a key of its own"]["seen"], "the plan that allows the most"
    assert usage_key_of(staged.door.keys[0]) is None


def test_no_key_and_no_answer_is_shown(staged: Staged) -> None:
    _, out, err = staged.smoke("--wait", "0")
    assert "FallbackRouter-dev at http://127.0.0.1" in out
    for secret in (*set(staged.door.keys), "sim-openai-key", "1 2 3"):
        assert secret not in out + err


def test_what_is_wrong_is_told_with_its_fix(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(openai_keys=["another"])
    simulator.inject(Fault(kind="access_denied"), provider="bedrock", model="us.amazon.nova-2-lite-v1:0")
    simulator.inject(Fault(kind="status", status=503), provider="anthropic", stream=True)
    code, found = staged.checks("--wait", "30")
    assert code == 1
    failed = {name: one["fix"] for name, one in found.items() if one["status"] == "failed"}
    assert failed.keys() == {
        *("openai-gpt4o", "openai-gpt4o-mini", "bedrock-nova"),
        *("anthropic-claude-sonnet", "anthropic-claude-haiku", "alarms"),
    }
    assert "fallback-router secrets set openai" in failed["openai-gpt4o"]
    assert "fallback-router preflight" in failed["bedrock-nova"]
    assert "status page" in failed["anthropic-claude-haiku"]
    assert f"--topic-arn {staged.topic}" in failed["alarms"]
    assert "streamed: 503 unavailable" in found["anthropic-claude-sonnet"]["seen"]
    assert found["bedrock-llama"]["status"] == "ok"
    assert staged.no_key_is_left()


def test_table_ends_with_every_fix_once(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(openai_keys=["another"])
    code, out, _ = staged.smoke("--wait", "30")
    assert code == 1
    assert "openai-gpt4o, openai-gpt4o-mini\n  fix: `fallback-router secrets set openai`" in out
    assert "3 of 17 checks failed." in out


def test_stream_that_a_proxy_collects_is_no_stream(staged: Staged) -> None:
    staged.door.collects = True
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["streaming"]["status"] == "failed"
    assert "in one piece" in found["streaming"]["seen"]
    assert "proxy" in found["streaming"]["fix"]


@pytest.mark.parametrize("staged", ["buffered"], indirect=True)
def test_buffered_stage_says_that_it_does_not_stream(staged: Staged) -> None:
    staged.door.collects = True
    _, found = staged.checks("--wait", "0")
    assert found["streaming"]["status"] == "warning"
    assert "response_mode=buffered" in found["streaming"]["seen"]


def test_answers_too_short_to_tell_are_a_warning(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(chunk_delay=0.0)
    _, found = staged.checks("--wait", "0")
    assert found["streaming"]["status"] == "warning"


def test_door_that_is_open_to_everybody_fails(staged: Staged) -> None:
    staged.door.open = True
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["the door, without a key"]["status"] == "failed"


def test_door_that_cannot_be_reached_fails_and_asks_nobody(staged: Staged) -> None:
    code, out, _ = staged.run("smoke", "--json", "--config", str(staged.config), "--url", "http://127.0.0.1:9/dev/")
    found = {one["name"]: one for one in json.loads(out)["checks"]}
    assert code == 1
    assert found["the door"]["status"] == "failed"
    assert "the output Url, or --url" in found["the door"]["fix"]
    assert DEPLOYMENTS.isdisjoint(found)
    assert staged.no_key_is_left()


def test_other_mapping_than_the_deployed_one_is_told(staged: Staged) -> None:
    mapping = json.loads(staged.config.read_text())
    mapping["model_list"].append(
        {"model_name": "mine", "litellm_provider": "openai", "params": {"model": "gpt-4o", "api_key": "k"}}
    )
    staged.config.write_text(json.dumps(mapping))
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert "only here: mine" in found["the mapping"]["seen"]
    assert "--config" in found["mine"]["fix"]


def test_key_beyond_its_plan_waits_and_goes_on(staged: Staged) -> None:
    staged.door.throttles = 5
    _, found = staged.checks("--wait", "0")
    assert {found[name]["status"] for name in DEPLOYMENTS} == {"ok"}
    assert len(staged.door.keys) == 2 * len(DEPLOYMENTS) + 5


def test_metrics_that_do_not_arrive_in_time_fail(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.emf.values_of", lambda line: iter(()))
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["metrics"]["status"] == "failed"
    assert "0 of 18 requests" in found["metrics"]["seen"]
    assert "log level back to INFO" in found["metrics"]["fix"]


def test_subscriber_who_has_not_confirmed_hears_nothing(staged: Staged) -> None:
    """moto confirms everybody at once; SNS has this word in the place of an ARN until then."""
    boto3.client("sns").subscribe(TopicArn=staged.topic, Protocol="email", Endpoint=EMAIL)
    (subscription,) = get_backend("sns")["123456789012"]["us-east-1"].subscriptions.values()
    subscription.arn = "PendingConfirmation"
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["alarms"]["status"] == "failed"
    assert f"{EMAIL} has not confirmed" in found["alarms"]["seen"]


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_key_is_revoked_when_it_is_ended_halfway(
    staged: Staged, simulator: SimulatorControl, number: int, left: int
) -> None:
    simulator.settings(latency=20.0)
    once = iter([number])

    def end() -> None:
        # One signal: a second one, of another question under way, would reach whatever runs after this command.
        for signal_number in once:
            os.kill(os.getpid(), signal_number)

    staged.door.on_chat = end
    code, out, _ = staged.smoke()
    assert code == left
    assert out == ""
    assert staged.no_key_is_left()


def test_key_that_cannot_be_revoked_is_a_failure_that_says_how(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm_fallback_router.adapters.dynamodb.key_records import KeyRecords  # noqa: PLC0415 - to break it

    def gone(*_: object) -> None:
        boto3.client("dynamodb").delete_table(TableName="never-there")

    monkeypatch.setattr(KeyRecords, "revoke", gone)
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert "fallback-router keys revoke" in found["a key of its own"]["fix"]


def test_key_is_never_sent_in_the_clear(staged: Staged) -> None:
    code, _, err = staged.run("smoke", "--url", "http://llm.example.com/dev/")
    assert code == 2
    assert "https://" in err
    assert usage_keys() == []


def member(name: str, provider: str, model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_provider": provider, "params": {"model": model, **params}}


def test_each_member_of_a_group_is_asked(simulator: SimulatorControl, run: Run, tmp_path: Path) -> None:
    """By its Region where that tells it from its siblings, and else until each was chosen."""
    sonnet = "us.anthropic.claude-sonnet-4-6"
    server = {"api_base": f"{simulator.url}/openai/v1", "api_key": "os.environ/OPENAI_API_KEY"}
    mapping: dict[str, Any] = {
        "model_list": [
            member("sonnet", "bedrock", sonnet, region="us-east-1"),
            member("sonnet", "bedrock", sonnet, region="us-west-2"),
            member("any-gpt", "openai", "gpt-4o", **server),
            member("pair", "openai", "gpt-4o", **server),
            member("pair", "openai", "gpt-4o", **server),
            member("lopsided", "openai", "gpt-4o", **server),
            member("lopsided", "openai", "gpt-4o", weight=1e-9, **server),
            member("keyless", "openai", "gpt-4o", **{**server, "api_key": "os.environ/NEVER_SET"}),
            member("any-gpt", "openai", "gpt-4o-mini", weight=3.0, **server),
        ],
        "settings": {"tries_per_deployment": 1, "tries_on_last": 1},
    }
    (tmp_path / "behind").mkdir()
    environment = {"ROUTER_SERVICE": SERVICE, "OPENAI_API_KEY": "sim-openai-key"}
    with gateway_process(tmp_path / "behind", mapping, simulator_url=simulator.url, env=environment) as gateway:
        with stage(gateway, mapping, run, tmp_path) as staged:
            simulator.settings(chunk_delay=0.0)
            simulator.inject(Fault(kind="access_denied"), provider="bedrock", region="us-west-2")
            simulator.inject(Fault(kind="model_not_found"), provider="openai", model="gpt-4o-mini")
            _, found = staged.checks("--wait", "0")
        simulator.reset()
    groups = ("sonnet", "any-gpt", "pair", "lopsided", "keyless")
    members = {name: one["status"] for name, one in found.items() if name.startswith(groups)}
    failed = {"sonnet#2": "failed", "any-gpt#2": "failed", "keyless": "failed"}
    well = dict.fromkeys(("sonnet", "any-gpt", "pair", "pair#2", "lopsided"), "ok")
    assert members == {**well, **failed, "lopsided#2": "warning"}
    assert "never chosen" in found["lopsided#2"]["seen"]
    assert "fallback-router secrets set openai" in found["keyless"]["fix"]
