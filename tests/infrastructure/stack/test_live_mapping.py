"""The mapping in AppConfig: what is made for it, who may do what, and what others' rules say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from infra.live_mapping import BAKE_MINUTES, ROLLOUT_MINUTES
from infra.stage import load_stage
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.agents import TABLE
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, EVERYTHING, REGION, Synthesized, flat, listed, masked

LIVE = {"stage": "prod", "live_mapping": "true", "models": "bedrock/us.amazon.nova-pro-v1:0@us-west-2,gemini/*"}
SNAPSHOT = Path(__file__).with_name("snapshots") / "live-mapping.json"


@pytest.fixture(scope="module")
def live(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(**LIVE)


def validators(live: Synthesized) -> dict[str, Any]:
    return {one["Type"]: one["Content"] for one in live.only("AWS::AppConfig::ConfigurationProfile")["Validators"]}


def test_there_is_none_by_default(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        assert not [kind for kind in stage.text.split('"') if kind.startswith("AWS::AppConfig")]
        assert "ROUTER_APPCONFIG" not in stage.text


def test_the_function_reads_what_is_made(live: Synthesized) -> None:
    variables = live.functions()[0]["Environment"]["Variables"]
    application = live.only("AWS::AppConfig::Application")["Name"]
    environment = live.only("AWS::AppConfig::Environment")["Name"]
    profile = live.only("AWS::AppConfig::ConfigurationProfile")["Name"]
    assert variables["ROUTER_APPCONFIG"] == f"{application}/{environment}/{profile}"
    assert variables["ROUTER_MODELS"] == LIVE["models"]
    (statement,) = live.statements("LiveMappingGatewayReads")
    assert statement["Action"] == ["appconfig:GetLatestConfiguration", "appconfig:StartConfigurationSession"]
    assert statement["Resource"] == (
        f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/<{next(iter(live.of('AWS::AppConfig::Application')))}>"
        f"/environment/<{next(iter(live.of('AWS::AppConfig::Environment')))}>"
        f"/configuration/<{next(iter(live.of('AWS::AppConfig::ConfigurationProfile')))}>"
    )


def test_it_is_rolled_out_in_steps_and_taken_back_by_the_stages_alarms(live: Synthesized) -> None:
    strategies = {
        one["Properties"]["Name"]: one["Properties"] for one in live.of("AWS::AppConfig::DeploymentStrategy").values()
    }
    steps, at_once = strategies["fallback-router-prod-steps"], strategies["fallback-router-prod-at-once"]
    assert (steps["GrowthType"], steps["GrowthFactor"], steps["DeploymentDurationInMinutes"]) == ("LINEAR", 20, 10)
    assert (at_once["GrowthFactor"], at_once["DeploymentDurationInMinutes"], at_once["FinalBakeTimeInMinutes"]) == (
        (100, 0, 0)
    )
    monitors = live.only("AWS::AppConfig::Environment")["Monitors"]
    alarms = live.of("AWS::CloudWatch::Alarm")
    watched = [alarms[one["AlarmArn"]["Fn::GetAtt"][0]]["Properties"] for one in monitors]
    assert len(watched) == 3
    for alarm in watched:
        # AppConfig takes a mapping back for an alarm without data too.
        assert alarm["TreatMissingData"] == "notBreaching"
        period = alarm.get("Period") or next(
            one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one
        )
        assert period * alarm["EvaluationPeriods"] <= 60 * BAKE_MINUTES
    assert ROLLOUT_MINUTES + BAKE_MINUTES < 30
    (statement,) = live.statements("LiveMappingWatcher")
    assert (statement["Action"], statement["Resource"]) == ("cloudwatch:DescribeAlarms", "*")


def test_the_validator_runs_the_gateways_package_with_its_variables_and_may_only_log(live: Synthesized) -> None:
    functions = live.of("AWS::Lambda::Function")
    validator = next(one["Properties"] for name, one in functions.items() if name.startswith("LiveMappingValidator"))
    gateway = live.functions()[0]
    assert validator["Code"] == gateway["Code"]
    assert validator["Handler"] == "litellm_fallback_router.entrypoints.mapping_validator.handler"
    assert validator["Timeout"] == 15
    of_gateway = gateway["Environment"]["Variables"]
    assert validator["Environment"]["Variables"].items() <= of_gateway.items()
    assert set(of_gateway) - set(validator["Environment"]["Variables"]) == {
        name for name in of_gateway if name.startswith("AWS_L")
    }
    actions = {action for one in live.statements("LiveMappingValidatorRole") for action in listed(one["Action"])}
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}
    permission = next(
        flat(one["Properties"])
        for one in live.of("AWS::Lambda::Permission").values()
        if one["Properties"]["Principal"] == "appconfig.amazonaws.com"
    )
    assert permission["Action"] == "lambda:InvokeFunction"
    assert "SourceAccount" in permission


def test_the_schema_is_one_that_appconfig_takes_and_knows_the_mappings_shape(live: Synthesized) -> None:
    text = validators(live)["JSON_SCHEMA"]
    assert len(text) <= 32_768
    schema = json.loads(text)
    Draft4Validator.check_schema(schema)
    check = Draft4Validator(schema)
    check.validate(ROUTER_STYLE_MAPPING)
    check.validate({**ROUTER_STYLE_MAPPING, "settings": {"deadline": 20, "answer_timeout": None}})
    check.validate({"model_list": [{"model_name": "a", "litellm_params": {"model": "b"}}], "litellm_settings": {}})
    check.validate({**ROUTER_STYLE_MAPPING, "hedge": {"openai-gpt4o": {"at_most": 0.1}, "bedrock-llama": None}})
    mistakes: tuple[Any, ...] = (
        {},
        [],
        {"model_list": []},
        {"model_list": [{}]},
        {**ROUTER_STYLE_MAPPING, "fallbacks": {"a": "b"}},
        {**ROUTER_STYLE_MAPPING, "settings": {"deadline": 0}},
        {**ROUTER_STYLE_MAPPING, "settings": {"deadlines": 9}},
        {**ROUTER_STYLE_MAPPING, "settings": {"max_attempts": "six"}},
        {**ROUTER_STYLE_MAPPING, "hedge": {"at_most": 0.1}},
        {**ROUTER_STYLE_MAPPING, "hedge": {"openai-gpt4o": {"at_most": 2}}},
    )
    for wrong in mistakes:
        assert not check.is_valid(wrong), wrong


def test_the_function_may_ask_what_a_mapping_may_name_one_day(live: Synthesized, dev: Synthesized) -> None:
    def asked(stage: Synthesized) -> set[str]:
        statements = [one for one in stage.statements("Gateway") if "bedrock:InvokeModel" in listed(one["Action"])]
        return {arn for one in statements for arn in listed(one["Resource"])}

    more = asked(live) - asked(dev)
    assert any("inference-profile/us.amazon.nova-pro-v1:0" in arn and ":us-west-2:" in arn for arn in more)
    assert any("foundation-model/amazon.nova-pro-v1:0" in arn for arn in more)
    assert all("nova-pro" in arn for arn in more)
    secrets = {one["Properties"]["Name"] for one in live.of("AWS::SecretsManager::Secret").values()}
    assert "fallback-router-prod/gemini" in secrets


def test_agents_tools_go_by_the_same_mapping(synthesize: Callable[..., Synthesized]) -> None:
    tools = synthesize(**LIVE, agentcore=json.dumps(TABLE))
    assert tools.statements("LiveMappingToolsRead") == tools.statements("LiveMappingGatewayReads")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("openai", "models[0]: 'openai' is no model"),
        ("openai/*,bedrock/*@us-east-1", "bedrock/* names no model"),
        ("nobody/gpt", "unknown provider"),
    ],
)
def test_models_that_cannot_be_read_are_refused_with_the_form(
    models: str, said: str, synthesize: Callable[..., Synthesized]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        synthesize(stage="dev", live_mapping="true", models=models)
    assert said in str(refused.value)


def test_models_without_a_live_mapping_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="models: needs -c live_mapping=true"):
        load_stage({"models": "openai/*"})
    with pytest.raises(ConfigurationError, match="models: at most 2000 characters"):
        load_stage({"models": ",".join(["openai/gpt-4o"] * 200), "live_mapping": "true"})


def test_nag_finds_nothing(synthesize: Callable[..., Synthesized], capfd: pytest.CaptureFixture[str]) -> None:
    nag_finds_nothing(synthesize, {**EVERYTHING, **LIVE}, capfd)


def test_cfn_lint_finds_nothing(live: Synthesized) -> None:
    cfn_lint_finds_nothing(live)


def test_its_resources_are_the_reviewed_ones(live: Synthesized) -> None:
    """`UPDATE_SNAPSHOTS=1` takes over a change that is meant, as in test_snapshot.py."""
    found = {name: one for name, one in masked(live.template)["Resources"].items() if name.startswith("LiveMapping")}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())
