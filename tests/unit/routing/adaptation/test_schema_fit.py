"""Schemas and tools that a model's API would refuse, or that would mean something else there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.postprocess import Adapted
from litellm_fallback_router.routing.adaptation.report import UnfitError
from litellm_fallback_router.routing.adaptation.steps import adapt
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Deployment, Message, ModelInfo
from tests.support.scripted import deployment

NOVA = deployment("nova", provider="bedrock", model="us.amazon.nova-2-lite-v1:0")
CLAUDES = [
    deployment("sonnet", provider="anthropic", model="claude-sonnet-4-6", info=ModelInfo(native_schema=True)),
    deployment("sonnet-aws", provider="bedrock", model="us.anthropic.claude-sonnet-4-6"),
]
ASK: list[Message] = [{"role": "user", "content": "x"}]
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}}
REFERRING = {"$defs": {"place": PLACE}}


def adapted(place: Deployment, **params: Any) -> Adapted:
    return adapt(place, ChatRequest(place.id, ASK, params), MessageFeatures.of(ASK))


def tool(schema: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look_up", "parameters": schema}}


@pytest.mark.parametrize("word", ["anyOf", "oneOf", "allOf"])
def test_an_answer_of_alternatives_is_not_asked_for_as_any_object(word: str) -> None:
    schema = {"type": "object", word: [PLACE, PLACE]}
    wanted = {"type": "json_schema", "json_schema": {"name": "places", "schema": schema}}
    with pytest.raises(UnfitError) as unfit:
        adapted(NOVA, response_format=wanted)
    assert unfit.value.code == "json_schema"
    assert f"tools {word} dropped" in adapted(NOVA, tools=[tool(schema)]).adjusted


@pytest.mark.parametrize("place", CLAUDES, ids=lambda one: one.id)
def test_claude_takes_no_two_tools_of_one_name(place: Deployment) -> None:
    with pytest.raises(UnfitError) as unfit:
        adapted(place, tools=[tool(PLACE), tool(PLACE)])
    assert unfit.value.code == "tools"


@pytest.mark.parametrize(
    "holder",
    [
        {"properties": {"letter": {"type": "string", "contentSchema": {"$ref": "#/$defs/place"}}}},
        {"properties": {"letter": {"type": "object", "dependencies": {"to": {"$ref": "#/$defs/place"}}}}},
    ],
    ids=["contentSchema", "dependencies"],
)
def test_no_reference_is_left_where_its_definition_is_not_sent(holder: dict[str, Any]) -> None:
    sent = adapted(NOVA, tools=[tool({"type": "object", **holder, **REFERRING})])
    assert "$ref" not in json.dumps(sent.params["tools"])
    assert "tools $defs written out" in sent.adjusted


@pytest.mark.parametrize("inner", [{"type": "object"}, {"type": "object", "additionalProperties": {"type": "string"}}])
def test_an_answer_with_names_of_its_own_is_not_asked_for_as_an_empty_object(inner: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"heights": inner}}
    wanted = {"type": "json_schema", "json_schema": {"name": "heights", "schema": schema}}
    with pytest.raises(UnfitError) as unfit:
        adapted(CLAUDES[0], response_format=wanted)
    assert unfit.value.code == "schema"
