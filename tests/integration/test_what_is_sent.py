"""What providers really get of requests that their APIs do not take as they come: made fit before LiteLLM sees it, and
said. Each case is sent whole and streamed to each kind of deployment that ships."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.mapping.config import load_config
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import Candidate, plan
from litellm_fallback_router.routing.types import ChatRequest, Message
from litellm_fallback_router.settings import Settings
from litellm_fallback_router.simulated import simulated
from local.simulator import SimulatorControl

CLAUDE, CLAUDE_ON_BEDROCK = "anthropic-claude-sonnet", "bedrock-claude-sonnet"
HAIKU, HAIKU_ON_BEDROCK = "anthropic-claude-haiku", "bedrock-claude-haiku"
NOVA, LLAMA, OPENAI = "bedrock-nova", "bedrock-llama", "openai-gpt4o"
TURNS = (CLAUDE, CLAUDE_ON_BEDROCK, HAIKU, HAIKU_ON_BEDROCK, NOVA, LLAMA)
BEDROCK = (CLAUDE_ON_BEDROCK, HAIKU_ON_BEDROCK, NOVA, LLAMA)
INVENTED = ("sanitised", "Please continue", "dummy_tool", "Operator note", "litellm_unnamed")
"""Words that LiteLLM puts into requests."""

ASK: Message = {"role": "user", "content": "What is the weather in Ulm?"}
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
LONG = "look_up_the_weather_" + "x" * 70


def says(content: Any, **more: Any) -> Message:
    return {"role": "assistant", "content": content, **more}


def calls(arguments: str = '{"place": "Ulm"}', *, name: str = "look_up", call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(content: Any = "Rain", *, call_id: str = "call_1") -> Message:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(schema: Any = PLACE, *, name: str = "look_up") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def called(**more: Any) -> list[Message]:
    return [ASK, says(None, tool_calls=[calls(**more)]), result(call_id=more.get("call_id", "call_1"))]


@dataclass(frozen=True)
class SentAnswer:
    bodies: list[Any]
    adjusted: tuple[str, ...]

    @property
    def body(self) -> Any:
        first, *others = self.bodies
        assert all({**other, "stream": None} == {**first, "stream": None} for other in others)
        return first

    @property
    def text(self) -> str:
        return json.dumps(self.body, ensure_ascii=False)


def candidate(simulator: SimulatorControl, name: str, messages: list[Message], params: dict[str, Any]) -> Candidate:
    """Raises ValueError with the reason where the deployment is passed over."""
    config = simulated(load_config(ROUTER_STYLE_MAPPING, describe), simulator.url)
    config = replace(config, chains={name: (name,)})
    decided = plan(ChatRequest(name, messages, params), config, Health(), random.Random(1))
    if not decided.candidates:
        raise ValueError(decided.dropped[0].reason)
    return decided.candidates[0]


async def sent(simulator: SimulatorControl, name: str, messages: list[Message], **params: Any) -> SentAnswer:
    """What the deployment got, whole and streamed; the provider accepted both."""
    chosen = candidate(simulator, name, messages, params)
    provider = Engine(lambda place: place.api_key)
    simulator.clear_requests()
    await provider.complete(chosen.deployment, chosen.messages, chosen.params)
    assert [chunk async for chunk in provider.stream(chosen.deployment, chosen.messages, chosen.params)]
    bodies = [request.body for request in simulator.requests()]
    assert bodies
    written = json.dumps(bodies)
    assert [words for words in INVENTED if words in written] == []
    return SentAnswer([{k: v for k, v in body.items() if k != "stream_options"} for body in bodies], chosen.adjusted)


@pytest.fixture
def fresh(simulator: SimulatorControl) -> SimulatorControl:
    simulator.reset()
    return simulator


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("blank", ["", "  \n", [], [{"type": "text", "text": ""}], [{"type": "text", "text": " "}]])
async def test_a_message_that_says_nothing_is_left_out(fresh: SimulatorControl, name: str, blank: Any) -> None:
    got = await sent(fresh, name, [ASK, says(blank), {"role": "user", "content": blank}, ASK])
    assert "empty messages dropped" in got.adjusted
    assert "consecutive messages merged" in got.adjusted
    assert len(got.body["messages"]) == 1


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("blank", ["", " ", None, [{"type": "text", "text": ""}]])
async def test_a_call_needs_no_words_before_it(fresh: SimulatorControl, name: str, blank: Any) -> None:
    got = await sent(fresh, name, [ASK, says(blank, tool_calls=[calls()]), result()], tools=[tool()])
    turns = got.body["messages"]
    assert len(turns) == 3
    assert len(turns[1]["content"]) == 1
    assert "empty messages dropped" not in got.adjusted


@pytest.mark.parametrize("name", [CLAUDE, CLAUDE_ON_BEDROCK, NOVA, LLAMA])
def test_what_an_assistant_began_goes_only_to_models_that_continue_it(fresh: SimulatorControl, name: str) -> None:
    with pytest.raises(ValueError, match="does not continue an assistant's message"):
        candidate(fresh, name, [ASK, says("In Ulm it")], {})


@pytest.mark.parametrize("name", [HAIKU, HAIKU_ON_BEDROCK])
async def test_what_is_continued_ends_in_no_white_space(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [ASK, says("In Ulm it ")])
    assert got.adjusted == ("trailing white space dropped",)
    assert got.body["messages"][-1]["content"][0]["text"] == "In Ulm it"


@pytest.mark.parametrize("name", [CLAUDE, HAIKU])
async def test_earlier_tools_are_named_and_forbidden_where_that_can_be_said(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [*called(), ASK])
    assert [one["name"] for one in got.body["tools"]] == ["look_up"]
    assert got.body["tool_choice"] == {"type": "none"}
    assert got.adjusted == ("tools of earlier calls named, none to be called",)


@pytest.mark.parametrize("name", BEDROCK)
@pytest.mark.parametrize("params", [{}, {"tools": [tool()], "tool_choice": "none"}])
async def test_earlier_calls_are_text_where_none_may_follow(
    fresh: SimulatorControl, name: str, params: dict[str, Any]
) -> None:
    got = await sent(fresh, name, [*called(), ASK], **params)
    assert "tool calls and results written as text" in got.adjusted
    assert "toolConfig" not in got.body
    _, call, answer = got.body["messages"]
    assert json.loads(call["content"][0]["text"]) == {"tool_calls": [calls()]}
    assert json.loads(answer["content"][0]["text"]) == result()


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("broken", ['{"place": "Ul', '{"a": 1}{"b": 2}', "[1]", "null", '""', '{"a": NaN}', "Ulm"])
async def test_arguments_that_are_no_object_arrive_all_the_same(
    fresh: SimulatorControl, name: str, broken: str
) -> None:
    got = await sent(fresh, name, called(arguments=broken), tools=[tool()])
    assert got.adjusted == ("broken call arguments wrapped",)
    (block,) = got.body["messages"][1]["content"]
    assert (block.get("toolUse") or block)["input"] == {"INVALID_JSON": broken}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("empty", ["", " ", [], [{"type": "text", "text": ""}]])
async def test_an_empty_result_is_one(fresh: SimulatorControl, name: str, empty: Any) -> None:
    got = await sent(fresh, name, [*called()[:2], result(empty)], tools=[tool()])
    assert got.adjusted == ("empty tool results written as JSON",)
    assert json.dumps(json.dumps(empty)) in got.text


@pytest.mark.parametrize("name", [CLAUDE, CLAUDE_ON_BEDROCK])
async def test_a_recursive_schema_of_a_tool_arrives_whole(fresh: SimulatorControl, name: str) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "depth": {"minimum": 3}}}
    got = await sent(fresh, name, [ASK], tools=[tool({"$defs": {"Node": node}, "$ref": "#/$defs/Node"})])
    (one,) = got.body["tools"] if name == CLAUDE else got.body["toolConfig"]["tools"]
    schema = one["input_schema"] if name == CLAUDE else one["toolSpec"]["inputSchema"]["json"]
    assert schema == {**node, "$defs": {"Node": node}}
    assert got.adjusted == ("tools $defs written out",)


@pytest.mark.parametrize("name", [NOVA, LLAMA])
async def test_models_without_references_get_a_schema_without_them(fresh: SimulatorControl, name: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}
    got = await sent(fresh, name, [ASK], tools=[tool(schema)])
    (one,) = got.body["toolConfig"]["tools"]
    assert one["toolSpec"]["inputSchema"]["json"] == {"type": "object", "properties": {"a": {"type": "string"}}}
    loop = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    with pytest.raises(ValueError, match="takes no recursive schema"):
        candidate(fresh, name, [ASK], {"tools": [tool(loop)]})


@pytest.mark.parametrize("name", [CLAUDE, HAIKU, CLAUDE_ON_BEDROCK, HAIKU_ON_BEDROCK])
async def test_bounds_that_no_grammar_knows_are_taken_out_of_the_form_of_an_answer(
    fresh: SimulatorControl, name: str
) -> None:
    bounded = {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "integer", "minimum": 5}}
    schema = {"type": "object", "properties": {"minimum": bounded}, "required": ["minimum"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    got = await sent(fresh, name, [ASK], response_format=wanted)
    kept = {"type": "array", "minItems": 1, "items": {"type": "integer"}}
    expected = {**schema, "properties": {"minimum": kept}, "additionalProperties": False}
    if "outputConfig" in got.body:
        found = json.loads(got.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    else:
        found = got.body["output_format"]["schema"]
    assert found == expected
    assert {f"response_format {keyword} dropped" for keyword in ("minimum", "maxItems")} <= set(got.adjusted)


@pytest.mark.parametrize("name", [OPENAI, CLAUDE_ON_BEDROCK, NOVA])
async def test_a_long_name_is_short_for_the_provider_and_long_for_the_caller(
    fresh: SimulatorControl, name: str
) -> None:
    params = {
        "tools": [tool(name=LONG), tool(name=f"{LONG}y")],
        "tool_choice": {"type": "function", "function": {"name": LONG}},
    }
    request = ChatRequest(name, called(name=LONG), params)
    async with build_router(Settings(simulator_url=fresh.url)) as router:
        whole = await router.complete(request)
        async with router.stream(request) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
    assert whole.ledger.attempts[0].adjusted == ("tool names shortened",)
    assert [one["function"]["name"] for one in whole.choices[0]["message"]["tool_calls"]] == [LONG]
    streamed = [one["function"].get("name") for delta in deltas for one in delta.get("tool_calls", ())]
    assert [one for one in streamed if one] == [LONG]
    written = json.dumps([one.body for one in fresh.requests()])
    assert LONG not in written
    assert len(whole.ledger.attempts) == 1


@pytest.mark.parametrize("name", TURNS)
async def test_instructions_stand_in_front(fresh: SimulatorControl, name: str) -> None:
    late: Message = {"role": "developer", "content": "Be brief"}
    got = await sent(fresh, name, [{"role": "system", "content": "Be kind"}, ASK, says("Where?"), late, ASK])
    assert [block["text"] for block in got.body["system"]] == ["Be kind", "Be brief"]
    assert [turn["role"] for turn in got.body["messages"]] == ["user", "assistant", "user"]
    assert got.adjusted == ("developer sent as system", "system messages moved to the front")


@pytest.mark.parametrize("name", TURNS)
async def test_what_an_assistant_said_first_is_told_as_what_it_is(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [says("How can I help?"), ASK])
    assert got.adjusted == ("opening assistant messages written as text", "consecutive messages merged")
    ((first, second),) = [turn["content"] for turn in got.body["messages"]]
    assert json.loads(first["text"]) == says("How can I help?")
    assert second["text"] == ASK["content"]


@pytest.mark.parametrize("name", TURNS)
async def test_an_instruction_alone_is_asked(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [{"role": "system", "content": "Be kind"}])
    assert got.adjusted == ("system message sent as user message",)
    assert "system" not in got.body


async def test_a_developer_at_openai_is_heard_as_the_system_with_his_name(fresh: SimulatorControl) -> None:
    got = await sent(fresh, OPENAI, [{"role": "developer", "name": "Zoe", "content": "Be brief"}, ASK])
    assert got.body["messages"] == [{"role": "system", "name": "Zoe", "content": "Be brief"}, ASK]
    assert got.adjusted == ("developer sent as system",)


async def test_ids_that_openai_finds_too_long_are_shorter(fresh: SimulatorControl) -> None:
    got = await sent(fresh, OPENAI, called(call_id="x" * 64), tools=[tool()])
    _, call, answer = got.body["messages"]
    assert call["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert len(answer["tool_call_id"]) == 40
    assert got.adjusted == ("tool call ids changed",)


async def test_a_cache_mark_of_a_call_is_said_to_be_dropped(fresh: SimulatorControl) -> None:
    marked = {**calls(), "cache_control": {"type": "ephemeral"}}
    got = await sent(fresh, OPENAI, [ASK, says(None, tool_calls=[marked]), result()], tools=[tool()])
    assert got.adjusted == ("cache_control dropped",)


async def test_words_beside_calls_make_text_of_them_where_turns_are_not_mixed(fresh: SimulatorControl) -> None:
    spoken = [ASK, says("I will look", tool_calls=[calls()]), result()]
    got = await sent(fresh, LLAMA, spoken, tools=[tool()])
    assert got.adjusted == ("tool calls and results written as text",)
    assert (await sent(fresh, LLAMA, called(), tools=[tool()])).adjusted == ()


@pytest.mark.parametrize(("name", "arrives"), [(CLAUDE, True), (CLAUDE_ON_BEDROCK, True), (NOVA, False)])
async def test_a_cache_point_behind_tools_goes_where_it_is_taken(
    fresh: SimulatorControl, name: str, *, arrives: bool
) -> None:
    marked = {**tool(), "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    got = await sent(fresh, name, [ASK], tools=[marked])
    assert ('"ttl": "1h"' in got.text) is arrives
    assert got.adjusted == (() if arrives else ("tools cache_control dropped",))


@pytest.mark.parametrize("name", [CLAUDE, CLAUDE_ON_BEDROCK])
async def test_of_too_many_cache_marks_the_last_are_sent(fresh: SimulatorControl, name: str) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    system: Message = {"role": "system", "content": "Be kind", **mark}
    parts = [{"type": "text", "text": word, **mark} for word in ("one", "two", "three")]
    ask: Message = {"role": "user", "content": parts}
    got = await sent(fresh, name, [system, ask], tools=[{**tool(), **mark}])
    assert got.text.count('"cache_control"') + got.text.count('"cachePoint"') == 4
    assert got.adjusted == ("cache_control dropped",)
    assert ("cache_control" in str(got.body.get("tools")), "cachePoint" in str(got.body.get("toolConfig"))) == (
        False,
        False,
    )
    assert "cache_control" in ask["content"][0], "the caller's own is as it was"


async def test_how_long_a_cache_mark_holds_is_said_where_it_cannot_be_sent(fresh: SimulatorControl) -> None:
    part = {"type": "text", "text": "Ulm", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    got = await sent(fresh, NOVA, [{"role": "user", "content": [part]}])
    assert got.adjusted == ("cache_control ttl dropped",)
    assert got.body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}


@pytest.mark.parametrize("name", TURNS)
async def test_ids_of_calls_are_those_that_are_taken_and_each_is_one(fresh: SimulatorControl, name: str) -> None:
    odd = "call:1/" + "x" * 80
    messages = [*called(call_id=odd), says("Rain"), *called(call_id=odd)]
    got = await sent(fresh, name, messages, tools=[tool()])
    assert got.adjusted == ("tool call ids changed",)
    blocks = [block for turn in got.body["messages"] for block in turn["content"]]
    asked = [
        (one.get("toolUse") or one).get("toolUseId", one.get("id")) for one in blocks if "toolUse" in one or "id" in one
    ]
    assert len(set(asked)) == 2
    answers = [one["toolResult"]["toolUseId"] for one in blocks if "toolResult" in one]
    answers += [one["tool_use_id"] for one in blocks if "tool_use_id" in one]
    assert answers == asked


@pytest.mark.parametrize("name", TURNS)
async def test_what_an_api_has_no_field_for_is_said(fresh: SimulatorControl, name: str) -> None:
    said = says("Rain", provider_specific_fields={"compaction_blocks": [{"type": "text", "text": "smuggled"}]})
    got = await sent(fresh, name, [ASK, said, {**ASK, "mood": "merry"}])
    assert got.adjusted == ("unknown fields dropped",)
    assert "smuggled" not in got.text
