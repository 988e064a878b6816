"""What a guardrail reads of JSON: its words, however they are escaped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.request.texts import readable, written
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.routing.verdicts import Outcome
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.scripted import Step, question, says
from tests.support.virtual_time import run_virtually

TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from('"\\\n\t/u{}[]')), max_size=20)
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict | list))
ESCAPED = r'{"x":"\u0066orbidden\nfruit"}'
MAIL = r'{"x":"Ann\nann\u0040example.com", "y": "M\u00fcnchen"}'


@given(VALUES, st.booleans())
def test_it_is_the_same_json_again(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json.loads(written(readable(text))) == value


@given(TEXTS.filter(lambda text: not {'"', "\\"} & set(text)))
def test_words_are_read_as_they_are_meant(text: str) -> None:
    assert f'"{text}"' in readable(json.dumps({"a\n": text}))


@given(VALUES, st.data())
def test_the_beginning_of_some_can_be_read(value: Any, data: Any) -> None:
    text = json.dumps(value)
    readable(text[: data.draw(st.integers(0, len(text)))]).encode()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r'{"x":"\u0066orb', '{"x":"forb'),
        (r'{"x":"\u0066orb\u00', r'{"x":"forb\u00'),
        ('{"x":"\\u0066orb\\', '{"x":"forb\\'),
        (r'{"x":"a\u0022\u005cb"}', r'{"x":"a\"\\b"}'),
        (r'{"x":"\ud83d\ude00\\u0066"}', '{"x":"\U0001f600\\\\u0066"}'),
        (r'{"x":"\ud83d"}', '{"x":"\ufffd"}'),
        (r'["C:\\new \"a\""]', r'["C:\\new \"a\""]'),
        (r"C:\new", r"C:\new"),
        (r"[1] C:\new", r"[1] C:\new"),
        (r"{\bf bold}", r"{\bf bold}"),
        (r'[1, "\u0066"]', '[1, "f"]'),
    ],
)
def test_readings(text: str, read: str) -> None:
    assert readable(text) == read


def called(arguments: str) -> Any:
    return {
        "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    }


def asked_for_json(text: str) -> tuple[Step, ChatRequest]:
    return says(text), question(params={"response_format": {"type": "json_object"}})


async def answer(step: Step, request: ChatRequest, *, stream: bool, guard: RuledGuard | None = None) -> Any:
    """What was said, as one message, and the guardrail's word."""
    rig = guarded_rig("a", guard=guard, scripts={"a": [step]})
    if not stream:
        result = await rig.router.complete(request)
        return result.choices[0]["message"], result.guardrail
    said: dict[str, Any] = {}
    async with rig.router.stream(request) as chunks:
        async for chunk in chunks:
            for choice in chunk.choices:
                for name, value in choice["delta"].items():
                    said[name] = said.get(name, "") + value if isinstance(value, str) else value
        return said, chunks.result.guardrail


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_escaped_word_of_structured_output_is_blocked(stream: bool) -> None:
    async def scenario() -> None:
        _, verdict = await answer(*asked_for_json(ESCAPED), stream=stream)
        assert verdict is Outcome.BLOCKED

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_mask_beside_an_escape_leaves_json(stream: bool) -> None:
    async def scenario() -> None:
        said, verdict = await answer(*asked_for_json(MAIL), stream=stream)
        assert verdict is Outcome.MASKED
        assert json.loads(said["content"]) == {"x": "Ann\n{EMAIL}", "y": "München"}

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_nothing_is_masked_of_stays_as_it_was_written(stream: bool) -> None:
    async def scenario() -> None:
        text = r'{"city": "M\u00fcn\u00a0chen \u6771\u4eac", "line": "a\nb"}'
        guard = RuledGuard()
        said, verdict = await answer(*asked_for_json(text), stream=stream, guard=guard)
        assert (said["content"], verdict) == (text, Outcome.PASSED)
        assert any("München 東京" in one.replace("\u00a0", "") for _, texts in guard.asked for one in texts)

    run_virtually(scenario())


@pytest.mark.parametrize(
    ("arguments", "blocked"), [(ESCAPED, True), (ESCAPED[:-2], True), (ESCAPED[:-2] + "\\u00", True), (MAIL, False)]
)
def test_arguments_of_requests_and_answers_are_read_so(arguments: str, blocked: bool) -> None:
    async def scenario() -> None:
        said, verdict = await answer(Step(pieces=(), deltas=(called(arguments),)), question(), stream=True)
        history: Any = [
            {"role": "assistant", "content": None, **called(arguments)},
            {"role": "tool", "tool_call_id": "c", "content": "sent"},
            *question().messages,
        ]
        rig = guarded_rig("a")
        asked = await rig.router.complete(ChatRequest("a", history))
        if blocked:
            assert (verdict, asked.guardrail, rig.provider.calls) == (Outcome.BLOCKED, Outcome.BLOCKED, [])
        else:
            sent = rig.provider.calls[0].messages[0]["tool_calls"]
            for calls in (said["tool_calls"], sent):
                assert json.loads(calls[0]["function"]["arguments"])["x"] == "Ann\n{EMAIL}"

    run_virtually(scenario())
