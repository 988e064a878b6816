"""A guarded stream says what a check of its whole text would let through, however it is cut into chunks and windows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.ports import Source
from litellm_fallback_router.routing.verdicts import Outcome, Verdict
from tests.support.guards import DENIED, EMAIL, MESSAGES, RuledGuard, guarded_rig
from tests.support.scripted import Step, question
from tests.support.virtual_time import run_virtually

# A window is 200 characters at least, so that its overlap is 50: longer than any of these.
bad = st.integers(1, 30).map(lambda spaces: "Forbidden" + " " * spaces + "fruit")
address = st.text("ab0", min_size=1, max_size=15).map(lambda name: f" {name}@example.com ")
prose = st.text("cdf {}[]fr,", max_size=120)
TEXTS = st.lists(st.one_of(prose, prose, address, bad), max_size=14).map("".join)
CLEAN = st.lists(st.one_of(prose, address), max_size=14).map("".join)
WORDS = st.lists(st.sampled_from(["1666", "6661", "a", "year"]), min_size=2, max_size=7)
CUTS = st.lists(st.integers(1, 70), min_size=1, max_size=10)
WINDOWS = st.one_of(st.integers(200, 600), st.just("end"))


def cut(text: str, sizes: Sequence[int]) -> tuple[str, ...]:
    found: list[str] = []
    at = 0
    while at < len(text):
        found.append(text[at : at + sizes[len(found) % len(sizes)]])
        at += len(found[-1])
    return tuple(found)


class WordGuard(RuledGuard):
    """Blocks the word 666."""

    async def check(self, source: Source, texts: Sequence[str]) -> Verdict:
        if any(re.search(r"\b666\b", text) for text in texts):
            return Verdict(Outcome.BLOCKED, message=MESSAGES[source])
        return Verdict(Outcome.PASSED, tuple(texts))


async def streamed(
    text: str, sizes: Sequence[int], window: int | str, guard: RuledGuard | None = None
) -> tuple[str, list[str], Outcome | None]:
    script = {"a": [Step(pieces=cut(text, sizes) or ("x",), together=sizes[0])]}
    rig = guarded_rig("a", guard=guard, scripts=script, stream_window=window)
    async with rig.router.stream(question()) as stream:
        choices = [choice async for chunk in stream for choice in chunk.choices]
        outcome = stream.result.guardrail
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    return said, [choice["finish_reason"] for choice in choices if choice["finish_reason"]], outcome


@settings(max_examples=150)
@given(TEXTS, CUTS, WINDOWS)
def test_what_a_check_of_the_whole_text_blocks_never_gets_out(text: str, sizes: list[int], window: int | str) -> None:
    said, finish, outcome = run_virtually(streamed(text, sizes, window))

    if (found := DENIED.search(text)) is None:
        assert (said, finish) == (EMAIL.sub("{EMAIL}", text) or "x", ["stop"])
    else:
        assert (finish, outcome) == (["content_filter"], Outcome.BLOCKED)
        released = said.removesuffix(MESSAGES["output"])
        assert released != said
        assert EMAIL.sub("{EMAIL}", text[: found.start()]).startswith(released), "not a letter of it, or after it"


@settings(max_examples=50)
@given(CLEAN, CUTS)
def test_off_passes_every_chunk_on_as_it_comes_and_says_so(text: str, sizes: list[int]) -> None:
    said, finish, outcome = run_virtually(streamed(text + "forbidden fruit", sizes, "off"))

    assert (said, finish, outcome) == (text + "forbidden fruit", ["stop"], Outcome.UNCHECKED)


@settings(max_examples=100)
@example(["a"] * 74 + ["a1666", "is", "a", "year"] + ["b"] * 150, [7], 200, False)
@example(["1666"] * 100, [1], 201, False)
@given(WORDS.map(lambda words: words * 50), CUTS, WINDOWS, st.booleans())
def test_a_word_is_blocked_where_the_answer_has_it_and_never_where_a_window_cuts_another(
    words: list[str], sizes: list[int], window: int | str, has_it: bool
) -> None:
    text = " ".join(words)
    said, finish, _ = run_virtually(streamed(text + " 666 a" if has_it else text, sizes, window, WordGuard()))

    if has_it:
        assert finish == ["content_filter"]
        assert text.startswith(said.removesuffix(MESSAGES["output"]).rstrip())
    else:
        assert (said, finish) == (text, ["stop"])
