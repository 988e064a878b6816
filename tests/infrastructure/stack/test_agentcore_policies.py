"""Who may ask what through AgentCore: the synthesized policies, by a real Cedar engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cedarpy
import pytest

from tests.infrastructure.stack.agents import AGENT, CALLS_AS, TABLE, USER, policies, shown_tools
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized

Synthesize = Callable[..., Synthesized]

ASKED = {"question": "Why?", "primary_model": "cost-optimized", "max_tokens": 1024}
CHAT = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "Why?"}]}


@pytest.fixture(scope="module")
def agents(synthesize: Synthesize) -> Synthesized:
    return synthesize(agentcore=json.dumps(TABLE))


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


def decided(synthesized: Synthesized, asked: dict[str, Any], tool: str = "ask", caller: str = CALLS_AS) -> bool:
    """Whether Cedar allows the call, which is one that the tools' schema allows."""
    result = authorized(synthesized, cedar(synthesized), asked, tool, caller)
    assert result.diagnostics.errors == []
    return bool(result.allowed)


def authorized(
    synthesized: Synthesized, policies: str, asked: dict[str, Any], tool: str = "ask", caller: str = CALLS_AS
) -> cedarpy.AuthzResult:
    """The request is checked against the schema of the tools, as AgentCore does."""
    types, gateway = schema(shown_tools(synthesized)), gateway_arn(synthesized)
    return cedarpy.is_authorized(
        request={
            "principal": f"AgentCore::IamEntity::{json.dumps(caller)}",
            "action": f'AgentCore::Action::"router___{tool}"',
            "resource": f"AgentCore::Gateway::{json.dumps(gateway)}",
            "context": {"input": asked},
        },
        policies=policies,
        entities=[
            {"uid": {"type": "AgentCore::IamEntity", "id": caller}, "attrs": {"id": caller}, "parents": []},
            {"uid": {"type": "AgentCore::Gateway", "id": gateway}, "attrs": {}, "parents": []},
        ],
        schema=json.dumps(types),
    )


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
        {**ASKED, "primary_model": "Cost-Optimized"},
        {**ASKED, "primary_model": "no-such-model"},
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


@pytest.mark.parametrize(
    "asked",
    [
        {**ASKED, "max_tokens": "1024"},
        {**ASKED, "max_tokens": True},
        {**ASKED, "primary_model": ["cost-optimized"]},
        {**ASKED, "question": 7},
        {**ASKED, "max_token": 10},
        {name: value for name, value in ASKED.items() if name != "question"},
    ],
    ids=["text-for-number", "truth-for-number", "list-for-text", "number-for-text", "unknown-field", "no-question"],
)
def test_what_the_tools_schema_does_not_know_is_refused(asked: dict[str, Any], agents: Synthesized) -> None:
    result = authorized(agents, cedar(agents), asked)
    assert not result.allowed
    assert any("context" in error for error in result.diagnostics.errors)


@pytest.mark.parametrize("tool", ["ask", "chat_completion"])
def test_a_guardrails_word_outweighs_every_permission(tool: str, agents: Synthesized) -> None:
    asked, caller = ({**ASKED, "primary_model": "openai-gpt4o"}, USER) if tool == "ask" else (CHAT, USER)
    found = [text.partition(" when guardrails")[0] + ";" for text in guardrails(agents).values()]
    assert authorized(agents, cedar(agents), asked, tool, caller).allowed
    assert not authorized(agents, "\n".join([cedar(agents), *found]), asked, tool, caller).allowed


def test_names_of_models_cannot_break_out_of_their_text(
    synthesize: Synthesize, chain_file: Callable[[object], Any]
) -> None:
    name = 'a"].contains("x") || ["\\'
    model = {"model_name": name, "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    table = {"allow": {"all": {"principals": [AGENT], "models": [name]}}}
    stack = synthesize(mapping=str(chain_file({"model_list": [model]})), agentcore=json.dumps(table))
    assert decided(stack, {"question": "?", "primary_model": name})
    assert not decided(stack, {"question": "?", "primary_model": "x"})


def test_guardrail_reads_what_is_said_whoever_asks(agents: Synthesized) -> None:
    guarded = guardrails(agents)
    read = {
        "ask": "context.input.question",
        "chat_completion": '"$.messages[*].content", "$.params.arguments.messages[*].content"',
    }
    attacks, harm = '"JAILBREAK", "PROMPT_INJECTION", "PROMPT_LEAKAGE"', '"HATE", "INSULTS", "MISCONDUCT", "SEXUAL", '
    checks = {
        "no_prompt_attack": ("PromptAttack", attacks, "0.4000"),
        "no_harm": ("ContentFilter", f'{harm}"VIOLENCE"', "0.2000"),
    }
    assert guarded == {
        f"{name}_in_{tool}": (
            "forbid(\n  principal,\n"
            f'  action == AgentCore::Action::"router___{tool}",\n'
            f'  resource == AgentCore::Gateway::"{gateway_arn(agents)}"\n) when guardrails {{\n'
            f"  BedrockGuardrails::{kind}([{categories}], [{paths}])"
            f'.maxConfidenceScore().greaterThan(decimal("{above}"))\n}};'
        )
        for name, (kind, categories, above) in checks.items()
        for tool, paths in read.items()
    }
    for text in guarded.values():
        # All but the guardrail's own words is Cedar, and forbids.
        plain = text.partition(" when guardrails")[0] + ";"
        assert not cedarpy.validate_policies(text, json.dumps(schema(shown_tools(agents)))).validation_passed
        assert cedarpy.validate_policies(plain, json.dumps(schema(shown_tools(agents)))).validation_passed


def test_guardrail_can_be_tuned_and_turned_off(synthesize: Synthesize) -> None:
    tuned = synthesize(agentcore=json.dumps({**TABLE, "guardrail": {"prompt_attack": 0.75, "content": None}}))
    texts = guardrails(tuned).values()
    assert len(texts) == 2
    assert all("PromptAttack" in text and 'decimal("0.7500")' in text for text in texts)
    assert not guardrails(synthesize(agentcore=json.dumps({**TABLE, "guardrail": None})))
