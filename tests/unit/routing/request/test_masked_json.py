"""JSON that a guardrail masked is still JSON, or is not passed on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.errors import GuardrailUnreachableError
from litellm_fallback_router.routing.ports import Source
from litellm_fallback_router.routing.request.texts import is_json, still_json
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.routing.verdicts import Outcome, Verdict
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.scripted import Step, question, says
from tests.support.virtual_time import run_virtually

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab 123{}[],:\"\\'@.-{X}", max_size=12),
)
VALUES: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("ab1{} ", max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
).filter(lambda value: isinstance(value, dict | list))


@given(
    VALUES, st.sampled_from(["{PHONE}", "[PHONE-1]", "{my own rule}"]), st.sampled_from([r"\d+", r"\d\d", "-?[1-9]"])
)
def test_wherever_a_number_was_masked_the_text_is_still_json(value: Any, mask: str, pattern: str) -> None:
    text = json.dumps(value, ensure_ascii=False)
    masked = re.sub(pattern, mask, text)

    assert is_json(still_json(text, masked))
    assert still_json(text, text) == text


@pytest.mark.parametrize(
    ("text", "masked", "expected"),
    [
        ('{"a": 5550123}', '{"a": {PHONE}}', '{"a": "{PHONE}"}'),
        ('{"a": -5550123.5, "b": []}', '{"a": -{PHONE}.5, "b": []}', '{"a": "-{PHONE}.5", "b": []}'),
        ("[5550123,{}, true]", "[[PHONE-1],{}, true]", '["[PHONE-1]",{}, true]'),
        ('{"a": "call 5550123"}', '{"a": "call {PHONE}"}', '{"a": "call {PHONE}"}'),
        ("call 5550123", "call {PHONE}", "call {PHONE}"),
        ('{"a": "x", "b": 1}', '{"a": "{ADDRESS}}', '{"a": "{ADDRESS}}'),
    ],
)
def test_masks_in_json(text: str, masked: str, expected: str) -> None:
    assert still_json(text, masked) == expected


class Rough(RuledGuard):
    """Masks what matches, JSON or not."""

    pattern = r'5550123|Main St", "zip": 12'

    async def check(self, source: Source, texts: Any) -> Verdict:
        checked = tuple(re.sub(self.pattern, "{X}", text) for text in texts)
        return Verdict(Outcome.PASSED if checked == tuple(texts) else Outcome.MASKED, checked)


def call(arguments: str) -> Any:
    return {
        "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    }


def test_masked_arguments_reach_caller_and_provider_as_json() -> None:
    async def scenario() -> None:
        step = Step(
            pieces=(), deltas=(call('{"to": 5550'), {"tool_calls": [{"index": 0, "function": {"arguments": "123}"}}]})
        )
        rig = guarded_rig("a", guard=Rough(), scripts={"a": [step]})
        called = {"role": "assistant", "content": None, **call('{"from": 5550123}')}
        history: Any = [called, {"role": "tool", "tool_call_id": "c", "content": "sent"}, *question().messages]
        async with rig.router.stream(ChatRequest("a", history)) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]

        assert rig.provider.calls[0].messages[0]["tool_calls"][0]["function"]["arguments"] == '{"from": "{X}"}'
        (said,) = [one["tool_calls"] for one in deltas if "tool_calls" in one]
        assert json.loads(said[0]["function"]["arguments"]) == {"to": "{X}"}

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_structured_output_that_would_be_no_json_any_more_is_not_passed_on(stream: bool) -> None:
    async def scenario() -> None:
        text = '{"street": "1 Main St", "zip": 12}'
        rig = guarded_rig("a", guard=Rough(), scripts={"a": [says(text)]})
        request = question(params={"response_format": {"type": "json_object"}})
        with pytest.raises(GuardrailUnreachableError, match="no JSON any more"):
            if stream:
                async with rig.router.stream(request) as chunks:
                    assert [chunk async for chunk in chunks] == []
            else:
                await rig.router.complete(request)

        plain = await rig.router.complete(question())
        assert plain.text == '{"street": "1 {X}}', "text that nobody asked to be JSON"

    run_virtually(scenario())


def test_a_masked_number_of_structured_output_becomes_a_string() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", guard=Rough(), scripts={"a": [says('{"n": 5550123}')]})
        result = await rig.router.complete(question(params={"response_format": {"type": "json_object"}}))
        assert json.loads(result.text) == {"n": "{X}"}

    run_virtually(scenario())
