"""A guarded stream that changes between text fields: each field is one text, whatever comes in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.verdicts import Outcome
from tests.support.guards import DENIED, EMAIL, MESSAGES, guarded_rig
from tests.support.scripted import Step, question
from tests.support.virtual_time import run_virtually

FIELDS = ("content", "reasoning_content", "refusal")
Deltas = list[dict[str, str]]

# A window is 200 characters at least, so that its overlap is 50: longer than any of these.
bad = st.integers(1, 30).map(lambda spaces: " forbidden" + " " * spaces + "fruit ")
address = st.text("ab0", min_size=1, max_size=15).map(lambda name: f" {name}@example.com ")
prose = st.text("cdf {}[]fr,", max_size=120)
TEXTS = st.lists(st.one_of(prose, prose, address), max_size=10).map("".join)
WINDOWS = st.one_of(st.integers(200, 600), st.just("end"))


@st.composite
def mixed(draw: st.DrawFn) -> tuple[dict[str, str], Deltas]:
    """The text of every field, and the deltas that carry it: some of one field, some of several."""
    said = {name: draw(TEXTS) for name in FIELDS}
    if draw(st.booleans()):
        said[draw(st.sampled_from(FIELDS))] += draw(bad) + draw(TEXTS)
    left, deltas = dict(said), []
    sizes = draw(st.lists(st.integers(1, 70), min_size=1, max_size=8))
    turns = draw(st.lists(st.sets(st.sampled_from(FIELDS), min_size=1), min_size=1, max_size=8))
    for turn in range(10_000):
        if not any(left.values()):
            break
        size = sizes[turn % len(sizes)]
        names = set(FIELDS) if turn > 200 else turns[turn % len(turns)]
        delta = {name: left[name][:size] for name in FIELDS if name in names and left[name]}
        left |= {name: left[name][size:] for name in delta}
        deltas += [delta] if delta else []
    return said, deltas


async def streamed(deltas: Deltas, window: int | str) -> tuple[dict[str, str], list[str], Outcome | None]:
    rig = guarded_rig("a", scripts={"a": [Step(pieces=(), deltas=tuple(deltas))]}, stream_window=window)
    async with rig.router.stream(question()) as stream:
        choices: list[dict[str, Any]] = [choice async for chunk in stream for choice in chunk.choices]
        outcome = stream.result.guardrail
    said = {name: "".join(choice["delta"].get(name) or "" for choice in choices) for name in FIELDS}
    assert not any(choice["finish_reason"] for choice in choices[:-1]), "all text comes before the finish reason"
    return said, [choice["finish_reason"] for choice in choices if choice["finish_reason"]], outcome


@pytest.mark.parametrize("window", [200, "end"])
@pytest.mark.parametrize("together", [False, True], ids=["in-turn", "in-one-delta"])
@pytest.mark.parametrize("field", FIELDS)
def test_nothing_hides_where_a_stream_changes_between_fields(window: int | str, together: bool, field: str) -> None:
    other = "reasoning_content" if field != "reasoning_content" else "content"

    def parts(*texts: str) -> Deltas:
        one = [[{field: text, other: "hm"}] if together else [{field: text}, {other: "hm"}] for text in texts]
        return [delta for deltas in one for delta in deltas]

    said, finish, outcome = run_virtually(streamed(parts("mail ann@exam", "ple.com"), window))
    assert (said[field], said[other]) == ("mail {EMAIL}", "hmhm")
    assert (finish, outcome) == (["stop"], Outcome.MASKED)

    said, finish, outcome = run_virtually(streamed(parts("forbidden ", "fruit"), window))
    assert {text for text in said.values() if text} == {MESSAGES["output"]}, "nothing of any field"
    assert (finish, outcome) == (["content_filter"], Outcome.BLOCKED)


@settings(max_examples=150)
@given(mixed(), WINDOWS)
def test_every_field_says_what_a_check_of_its_whole_text_would_let_through(
    stream: tuple[dict[str, str], Deltas], window: int | str
) -> None:
    texts, deltas = stream
    said, finish, outcome = run_virtually(streamed(deltas or [{"content": "x"}], window))

    if not any(DENIED.search(text) for text in texts.values()):
        masked = {name: EMAIL.sub("{EMAIL}", text) for name, text in texts.items()}
        assert (said, finish) == (masked if deltas else {**masked, "content": "x"}, ["stop"])
        return
    assert (finish, outcome) == (["content_filter"], Outcome.BLOCKED)
    assert said["content"].endswith(MESSAGES["output"])
    said["content"] = said["content"].removesuffix(MESSAGES["output"])
    for name, text in texts.items():
        found = DENIED.search(text)
        clean = text[: found.start()] if found else text
        assert EMAIL.sub("{EMAIL}", clean).startswith(said[name]), "not a letter of it, or after it"
