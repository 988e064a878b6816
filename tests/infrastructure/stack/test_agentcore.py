"""AgentCore in front of the router: its policies by a real Cedar engine, its permissions, its tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cedarpy
import pytest

from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.tools import TOOLS
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized, flat, listed

Synthesize = Callable[..., Synthesized]

AGENT = f"arn:aws:iam::{ACCOUNT}:role/agents/support-agent"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
CALLS_AS = f"arn:aws:sts::{ACCOUNT}:assumed-role/support-agent"
TABLE: dict[str, Any] = {
    "allow": {
        "support": {"principals": [AGENT], "models": ["cost-optimized", "bedrock-nova"], "max_tokens": 1024},
        "people": {"principals": [USER], "models": ["openai-gpt4o"], "tools": ["ask", "chat_completion"]},
    }
}
ASKED = {"question": "Why?", "primary_model": "cost-optimized", "max_tokens": 1024}
CHAT = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "Why?"}]}


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


def policies(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    """Name -> properties."""
    found = synthesized.of("AWS::BedrockAgentCore::Policy").values()
    return {one["Properties"]["Name"]: flat(one["Properties"]) for one in found}


def cedar(synthesized: Synthesized) -> str:
    """All that is plain Cedar."""
    texts = [one["Definition"].get("Cedar") for one in policies(synthesized).values()]
    return "\n".join(text["Statement"] for text in texts if text)


def guardrails(synthesized: Synthesized) -> dict[str, str]:
    """Name -> text of what is more than plain Cedar."""
    found = {name: one["Definition"].get("Policy") for name, one in policies(synthesized).items()}
    return {name: one["Statement"] for name, one in found.items() if one}


def gateway_arn(synthesized: Synthesized) -> str:
    (name,) = synthesized.of("AWS::BedrockAgentCore::Gateway")
    return f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/<{name}.GatewayIdentifier>"


def schema(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Cedar's schema as AgentCore makes it of a target's tools: an action for each, with its input as context. Source:
    AgentCore developer guide, "Policy schema constraints" (integer is Long, number decimal, an array a set)."""

    def cedar_type(one: dict[str, Any]) -> dict[str, Any]:
        if one["Type"] == "object":
            fields = one["Properties"].items()
            attributes = {name: {**cedar_type(f), "required": name in one["Required"]} for name, f in fields}
            return {"type": "Record", "attributes": attributes}
        if one["Type"] == "array":
            return {"type": "Set", "element": cedar_type(one["Items"])}
        plain = {"string": {"type": "String"}, "integer": {"type": "Long"}, "boolean": {"type": "Boolean"}}
        return plain.get(one["Type"], {"type": "Extension", "name": "decimal"})

    def action(tool: dict[str, Any]) -> dict[str, Any]:
        context = {"type": "Record", "attributes": {"input": {**cedar_type(tool["InputSchema"]), "required": True}}}
        return {"appliesTo": {"principalTypes": ["IamEntity"], "resourceTypes": ["Gateway"], "context": context}}

    entity = {"shape": {"type": "Record", "attributes": {"id": {"type": "String", "required": True}}}}
    actions = {f"router___{tool['Name']}": action(tool) for tool in tools}
    return {"AgentCore": {"entityTypes": {"IamEntity": entity, "Gateway": {}}, "actions": actions}}


def shown_tools(synthesized: Synthesized) -> list[dict[str, Any]]:
    target = synthesized.only("AWS::BedrockAgentCore::GatewayTarget")
    shown: list[dict[str, Any]] = target["TargetConfiguration"]["Mcp"]["Lambda"]["ToolSchema"]["InlinePayload"]
    return shown


def decided(synthesized: Synthesized, asked: dict[str, Any], tool: str = "ask", caller: str = CALLS_AS) -> bool:
    """Whether Cedar allows the call. The request is checked against the schema of the tools, as AgentCore does."""
    types, gateway = schema(shown_tools(synthesized)), gateway_arn(synthesized)
    result = cedarpy.is_authorized(
        request={
            "principal": f"AgentCore::IamEntity::{json.dumps(caller)}",
            "action": f'AgentCore::Action::"router___{tool}"',
            "resource": f"AgentCore::Gateway::{json.dumps(gateway)}",
            "context": {"input": asked},
        },
        policies=cedar(synthesized),
        entities=[
            {"uid": {"type": "AgentCore::IamEntity", "id": caller}, "attrs": {"id": caller}, "parents": []},
            {"uid": {"type": "AgentCore::Gateway", "id": gateway}, "attrs": {}, "parents": []},
        ],
        schema=json.dumps(types),
    )
    assert result.diagnostics.errors == []
    return bool(result.allowed)


def test_every_policy_is_valid_for_the_tools_it_is_about(agents: Synthesized) -> None:
    result = cedarpy.validate_policies(cedar(agents), json.dumps(schema(shown_tools(agents))))
    assert result.validation_passed, [str(error) for error in result.errors]


@pytest.mark.parametrize("caller", [CALLS_AS, f"{CALLS_AS}/session-1"])
@pytest.mark.parametrize("model", ["cost-optimized", "bedrock-nova"])
def test_what_the_table_allows_is_allowed(caller: str, model: str, agents: Synthesized) -> None:
    assert decided(agents, {**ASKED, "primary_model": model}, caller=caller)


def test_without_a_bound_in_the_table_max_tokens_may_be_left_out(agents: Synthesized) -> None:
    assert decided(agents, CHAT, "chat_completion", USER)
    assert decided(agents, {**CHAT, "max_tokens": 90_000}, "chat_completion", USER)


@pytest.mark.parametrize(
    "asked",
    [
        {**ASKED, "max_tokens": 1025},
        {**ASKED, "primary_model": "openai-gpt4o"},
        {**ASKED, "primary_model": "cost-optimized "},
        {**ASKED, "primary_model": ""},
    ],
)
def test_what_goes_beyond_the_table_is_refused(asked: dict[str, Any], agents: Synthesized) -> None:
    assert not decided(agents, asked)


@pytest.mark.parametrize("missing", ["primary_model", "max_tokens"])
def test_a_missing_field_that_the_table_limits_is_refused(missing: str, agents: Synthesized) -> None:
    assert not decided(agents, {name: value for name, value in ASKED.items() if name != missing})


@pytest.mark.parametrize(
    "caller",
    [
        f"{CALLS_AS}-2",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other",
        "arn:aws:sts::999999999999:assumed-role/support-agent",
        USER,
        AGENT,
    ],
)
def test_nobody_else_may_ask_with_these_models(caller: str, agents: Synthesized) -> None:
    assert not decided(agents, ASKED, caller=caller)


def test_a_tool_that_the_table_does_not_name_is_refused(agents: Synthesized) -> None:
    chat = {**CHAT, "model": "cost-optimized", "max_tokens": 10}
    assert not decided(agents, chat, "chat_completion", CALLS_AS)


def test_names_of_models_cannot_break_out_of_their_text(
    synthesize: Synthesize, chain_file: Callable[[object], Any]
) -> None:
    name = 'a"].contains("x") || ["\\'
    model = {"model_name": name, "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    table = {"allow": {"all": {"principals": [AGENT], "models": [name]}}}
    stack = synthesize(mapping=str(chain_file({"model_list": [model]})), agentcore=json.dumps(table))
    assert decided(stack, {"question": "?", "primary_model": name})
    assert not decided(stack, {"question": "?", "primary_model": "x"})


def test_guardrail_reads_the_question_whoever_asks(agents: Synthesized) -> None:
    guarded = guardrails(agents)
    scope = (
        "forbid(\n  principal is AgentCore::IamEntity,\n"
        '  action == AgentCore::Action::"router___ask",\n'
        f'  resource == AgentCore::Gateway::"{gateway_arn(agents)}"\n)'
    )
    assert guarded == {
        "no_prompt_attack_in_ask_question": (
            f"{scope} when guardrails {{\n"
            '  BedrockGuardrails::PromptAttack(["JAILBREAK", "PROMPT_INJECTION", "PROMPT_LEAKAGE"], '
            '[context.input.question]).maxConfidenceScore().greaterThan(decimal("0.4000"))\n};'
        ),
        "no_harm_in_ask_question": (
            f"{scope} when guardrails {{\n"
            '  BedrockGuardrails::ContentFilter(["HATE", "INSULTS", "MISCONDUCT", "SEXUAL", "VIOLENCE"], '
            '[context.input.question]).maxConfidenceScore().greaterThan(decimal("0.2000"))\n};'
        ),
    }
    for text in guarded.values():
        # All but the guardrail's own words is Cedar, and forbids.
        plain = text.partition(" when guardrails")[0] + ";"
        assert not cedarpy.validate_policies(text, json.dumps(schema(shown_tools(agents)))).validation_passed
        assert cedarpy.validate_policies(plain, json.dumps(schema(shown_tools(agents)))).validation_passed


def test_guardrail_can_be_tuned_and_turned_off(synthesize: Synthesize, existing: Synthesized) -> None:
    tuned = synthesize(agentcore=json.dumps({**TABLE, "guardrail": {"prompt_attack": 0.75, "content": None}}))
    (text,) = guardrails(tuned).values()
    assert "PromptAttack" in text
    assert 'decimal("0.7500")' in text
    assert not guardrails(existing)


def test_policies_wait_for_the_tools_they_are_checked_against(agents: Synthesized) -> None:
    (target,) = agents.of("AWS::BedrockAgentCore::GatewayTarget")
    for one in agents.of("AWS::BedrockAgentCore::Policy").values():
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


def test_tools_may_do_what_the_gateway_may(agents: Synthesized) -> None:
    def beside_logs(owner: str) -> set[tuple[str, str]]:
        return {one for one in roles(agents, owner) if not one[0].startswith("logs:")}

    assert beside_logs("Tools") == beside_logs("Gateway")


def test_tools_are_a_function_of_their_own_that_answers_whole(agents: Synthesized) -> None:
    (tools,) = (one for name, one in agents.of("AWS::Lambda::Function").items() if name.startswith("Tools"))
    assert tools["Properties"]["Handler"] == "litellm_fallback_router.entrypoints.agentcore_tool.handler"
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
