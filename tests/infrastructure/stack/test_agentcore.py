"""AgentCore in front of the router: gateway, tools and permissions. The policies have a file of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fallback_router_agentcore.tools import TOOLS
from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.agents import AGENT, TABLE, policies, shown_tools
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized, flat, listed

Synthesize = Callable[..., Synthesized]


@pytest.fixture(scope="module")
def agents(synthesize: Synthesize) -> Synthesized:
    return synthesize(agentcore=json.dumps(TABLE))


@pytest.fixture(scope="module")
def existing(synthesize: Synthesize) -> Synthesized:
    mine = {
        "id": "my-gateway-a1b2c3d4e5",
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/my-gateway",
        "policy_engine_id": "mine-a1b2c3d4e5",
    }
    return synthesize(agentcore=json.dumps({**TABLE, "gateway": mine, "guardrail": None}))


def test_policies_wait_for_the_tools_they_are_checked_against(agents: Synthesized) -> None:
    (target,) = agents.of("AWS::BedrockAgentCore::GatewayTarget")
    policies = agents.of("AWS::BedrockAgentCore::Policy")
    assert policies
    for one in policies.values():
        assert target in one["DependsOn"]
        checked = "Cedar" in one["Properties"]["Definition"]
        assert one["Properties"]["ValidationMode"] == ("FAIL_ON_ANY_FINDINGS" if checked else "IGNORE_ALL_FINDINGS")


def test_gateway_asks_for_iam_and_enforces_its_policies(agents: Synthesized) -> None:
    gateway = agents.only("AWS::BedrockAgentCore::Gateway")
    (engine,) = agents.of("AWS::BedrockAgentCore::PolicyEngine")
    assert (gateway["AuthorizerType"], gateway["ProtocolType"]) == ("AWS_IAM", "MCP")
    assert flat(gateway["PolicyEngineConfiguration"]) == {"Arn": f"<{engine}.PolicyEngineArn>", "Mode": "ENFORCE"}


def test_gateway_shows_the_tools_as_the_handler_takes_them(agents: Synthesized) -> None:
    def shown(value: Any) -> Any:
        if isinstance(value, list):
            return [shown(one) for one in value]
        if not isinstance(value, dict):
            return value
        known = {"Type", "Description", "Properties", "Required", "Items"}
        return {name.lower() if name in known else name: shown(one) for name, one in value.items()}

    assert {tool["Name"]: shown(tool["InputSchema"]) for tool in shown_tools(agents)} == {
        name: tool.input for name, tool in TOOLS.items()
    }


def roles(synthesized: Synthesized, owner: str) -> set[tuple[str, str]]:
    """Every (action, resource) that the role may."""
    return {
        (action, resource)
        for statement in synthesized.statements(owner)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_gateway_may_call_the_tools_and_ask_its_engine_and_nothing_else(agents: Synthesized) -> None:
    (engine,) = agents.of("AWS::BedrockAgentCore::PolicyEngine")
    (alias,) = (name for name in agents.of("AWS::Lambda::Alias") if name.startswith("Tools"))
    own = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/fallback-router-dev-??????????"
    assert roles(agents, "Agents") == {
        ("lambda:InvokeFunction", f"<{alias}>"),
        ("bedrock-agentcore:GetPolicyEngine", f"<{engine}.PolicyEngineArn>"),
        ("bedrock-agentcore:AuthorizeAction", f"<{engine}.PolicyEngineArn>"),
        ("bedrock-agentcore:AuthorizeAction", own),
        ("bedrock-agentcore:PartiallyAuthorizeActions", f"<{engine}.PolicyEngineArn>"),
        ("bedrock-agentcore:PartiallyAuthorizeActions", own),
        ("bedrock:InvokeGuardrailChecks", "*"),
    }


def test_only_this_accounts_own_gateway_may_take_the_role(agents: Synthesized) -> None:
    (role,) = (one for name, one in agents.of("AWS::IAM::Role").items() if name.startswith("Agents"))
    (statement,) = flat(role["Properties"]["AssumeRolePolicyDocument"]["Statement"])
    assert statement["Principal"] == {"Service": "bedrock-agentcore.amazonaws.com"}
    own = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/fallback-router-dev-??????????"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": own},
    }


@pytest.mark.parametrize("others", [{}, {"prompts": "CAPITALS01"}], ids=["alone", "prompts"])
def test_tools_may_do_what_the_gateway_may(others: dict[str, str], synthesize: Synthesize) -> None:
    stack = synthesize(agentcore=json.dumps(TABLE), **others)

    def beside_logs(owner: str) -> set[tuple[str, str]]:
        return {one for one in roles(stack, owner) if not one[0].startswith("logs:")}

    assert beside_logs("Tools") == beside_logs("Gateway")


def test_tools_are_a_function_of_their_own_that_answers_whole(agents: Synthesized) -> None:
    (tools,) = (one for name, one in agents.of("AWS::Lambda::Function").items() if name.startswith("Tools"))
    assert tools["Properties"]["Handler"] == "fallback_router_agentcore.handler.handler"
    assert tools["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "Layers" not in tools["Properties"]
    gateway, _ = agents.functions()
    variables = gateway["Environment"]["Variables"]
    ours = {name: value for name, value in variables.items() if not name.startswith("AWS_L")}
    assert tools["Properties"]["Environment"]["Variables"] == ours


def test_gateway_of_ones_own_gets_the_tools_and_their_policies_and_no_more(existing: Synthesized) -> None:
    assert not existing.of("AWS::BedrockAgentCore::Gateway")
    assert not existing.of("AWS::BedrockAgentCore::PolicyEngine")
    assert existing.only("AWS::BedrockAgentCore::GatewayTarget")["GatewayIdentifier"] == "my-gateway-a1b2c3d4e5"
    arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/my-gateway-a1b2c3d4e5"
    for one in policies(existing).values():
        assert one["PolicyEngineId"] == "mine-a1b2c3d4e5"
        assert f'resource == AgentCore::Gateway::"{arn}"' in one["Definition"]["Cedar"]["Statement"]
    (alias,) = (name for name in existing.of("AWS::Lambda::Alias") if name.startswith("Tools"))
    permissions = [flat(one["Properties"]) for one in existing.of("AWS::Lambda::Permission").values()]
    assert {
        "Action": "lambda:InvokeFunction",
        "FunctionName": f"<{alias}>",
        "Principal": f"arn:aws:iam::{ACCOUNT}:role/my-gateway",
    } in permissions


def test_without_the_setting_there_is_no_trace_of_it(dev: Synthesized) -> None:
    assert "AgentCore" not in dev.text
    assert "agentcore" not in dev.text


def test_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(
    synthesize: Synthesize, capfd: pytest.CaptureFixture[str]
) -> None:
    nag_finds_nothing(synthesize, {"agentcore": json.dumps(TABLE)}, capfd)


def test_cfn_lint_finds_nothing(agents: Synthesized) -> None:
    cfn_lint_finds_nothing(agents)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, r"-c agentcore\.allow: Field required"),
        ({"allow": {}}, r"-c agentcore\.allow: "),
        ({"allow": {"Team A": TABLE["allow"]["people"]}}, r"-c agentcore\.allow\.Team A"),
        ({"allow": {"a": {"principals": ["*"], "models": ["m"]}}}, r"principals\.0: must be the ARN of an IAM role"),
        ({"allow": {"a": {"principals": [f"{AGENT}*"], "models": ["m"]}}}, r"must be the ARN of an IAM role or user"),
        ({"allow": {"a": {"principals": [AGENT], "models": []}}}, r"-c agentcore\.allow\.a\.models: "),
        ({"allow": {"a": {"principals": [AGENT], "models": ["m"], "max_token": 1}}}, r"max_token: Extra inputs"),
        ({"allow": {"a": {"principals": [AGENT], "models": ["m"], "tools": ["run"]}}}, r"'ask' or 'chat_completion'"),
        ({**TABLE, "guardrail": {"content": 2}}, r"guardrail\.content: must be less than or equal to 1"),
        ({**TABLE, "gateway": {"id": "x"}}, r"-c agentcore\.gateway\.id: "),
        ("allow all", r"-c agentcore: must be JSON"),
    ],
)
def test_mistake_in_the_table_is_named(table: Any, said: str) -> None:
    text = table if isinstance(table, str) else json.dumps(table)
    with pytest.raises(ConfigurationError, match=said):
        load_stage({"agentcore": text})


def test_model_that_the_mapping_does_not_have_stops_the_synthesis(synthesize: Synthesize) -> None:
    table = {"allow": {"a": {"principals": [AGENT], "models": ["cost-optimised"]}}}
    with pytest.raises(ConfigurationError, match=r"allow\.a\.models: unknown model 'cost-optimised'.*cost-optimized"):
        synthesize(agentcore=json.dumps(table))
