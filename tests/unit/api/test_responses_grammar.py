"""Whatever a chat's deltas are, and whoever began them, the events that they become follow OpenAI's grammar."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from litellm_fallback_router.api.formats.responses.output import Output
from litellm_fallback_router.api.formats.responses.passed import PassedEvents
from litellm_fallback_router.routing.types import Deployment, NativeEvent

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
GPT = Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key")
OPENS = {"response.content_part.added": "response.content_part.done"}
OPENS |= {"response.reasoning_summary_part.added": "response.reasoning_summary_part.done"}

words = st.text("abc ", min_size=1, max_size=3)
citation = {"type": "file_path", "file_id": "f", "index": 0}
calls = st.builds(
    lambda index, name, text, custom: {
        "index": index,
        "id": f"c{index}",
        **(
            {"type": "custom", "custom": {"name": name, "input": text}}
            if custom
            else {"type": "function", "function": {"name": name, "arguments": text}}
        ),
    },
    st.integers(0, 2),
    words,
    words,
    st.booleans(),
)
deltas = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "reasoning_content": words,
            "thinking_blocks": st.just([{"type": "thinking", "thinking": "x", "signature": "s"}]),
            "content": words,
            "refusal": words,
            "annotations": st.just([citation]),
            "tool_calls": st.lists(calls, min_size=1, max_size=2),
        },
    ),
    max_size=8,
)


def told(output: Output, given: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": kind, **fields} for delta in given for kind, fields in output.feed(delta)]


def closed(output: Output, status: str) -> list[dict[str, Any]]:
    return [{"type": kind, **fields} for kind, fields in output.close(status)]


def an_output(*, summary: bool, encrypted: bool = True) -> Output:
    return Output(lambda name: {"name": name}, summary=summary, encrypted=encrypted)


def check(events: list[dict[str, Any]], output: Output) -> None:
    """Every item is opened once, filled while it is open and closed once, and so is every part."""
    items: dict[int, str] = {}
    done: dict[int, Any] = {}
    parts: list[tuple[str, str, int]] = []
    for number, event in enumerate(events):
        EVENT.validate_python({**json.loads(json.dumps(event)), "sequence_number": number}, strict=True)
        kind, index = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            assert index == len(items)
            items[index] = event["item"]["id"]
            continue
        assert index in items
        assert index not in done
        if kind == "response.output_item.done":
            assert event["item"]["id"] == items[index]
            assert not [part for part in parts if part[1] == items[index]]
            done[index] = event["item"]
            continue
        assert event["item_id"] == items[index]
        within = event.get("content_index", event.get("summary_index", 0))
        if kind in OPENS:
            parts.append((OPENS[kind], event["item_id"], within))
        elif kind in OPENS.values():
            parts.remove((kind, event["item_id"], within))
    assert parts == []
    assert done.keys() == items.keys()
    assert output.values() == [done[index] for index in sorted(done)]


@given(deltas, st.booleans(), st.sampled_from(["completed", "incomplete"]))
def test_events_open_fill_and_close_their_items(given: list[dict[str, Any]], summary: bool, status: str) -> None:
    output = an_output(summary=summary)
    check(told(output, given) + closed(output, status), output)


@given(deltas, deltas, st.booleans())
def test_a_stream_that_others_began_goes_on_as_one(
    first: list[dict[str, Any]], rest: list[dict[str, Any]], summary: bool
) -> None:
    """The first part comes as events of a provider's own; calls do not, for after one nobody goes on."""
    began = [{name: value for name, value in delta.items() if name != "tool_calls"} for delta in first]
    events = told(an_output(summary=summary, encrypted=False), began)
    passed = PassedEvents(GPT)
    for number, event in enumerate(events):
        said = {**event, "sequence_number": number}
        assert passed.passed(NativeEvent(said, json.dumps(said).encode()))
    output = an_output(summary=False)
    passed.taken_over(output)
    assert passed.next_number == len(events)
    check(events + told(output, rest) + closed(output, "completed"), output)
