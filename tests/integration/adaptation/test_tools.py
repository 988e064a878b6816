"""Tools and schemas as each provider takes them: names, references, bounds."""

from __future__ import annotations

import json

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl
from tests.support.fitted import (
    ASK,
    CLAUDE,
    CLAUDE_ON_BEDROCK,
    HAIKU,
    HAIKU_ON_BEDROCK,
    LLAMA,
    NOVA,
    OPENAI,
    called,
    candidate,
    sent,
    tool,
)

LONG = "look_up_the_weather_" + "x" * 70


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
