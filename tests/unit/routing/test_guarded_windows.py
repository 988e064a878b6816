"""A guarded stream says what a check of its whole text would let through, however it is cut into chunks and windows."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.guarding import Outcome
from tests.support.guards import DENIED, EMAIL, MESSAGES, guarded_rig
from tests.support.scripted import Step, question
from tests.support.virtual_time import run_virtually

# A window is 200 characters at least, so that its overlap is 50: longer than any of these.
bad = st.integers(1, 30).map(lambda spaces: "Forbidden" + " " * spaces + "fruit")
address = st.text("ab0", min_size=1, max_size=15).map(lambda name: f" {name}@example.com ")
prose = st.text("cdf {}[]fr,", max_size=120)
TEXTS = st.lists(st.one_of(prose, prose, address, bad), max_size=14).map("".join)
CLEAN = st.lists(st.one_of(prose, address), max_size=14).map("".join)
CUTS = st.lists(st.integers(1, 70), min_size=1, max_size=10)
WINDOWS = st.one_of(st.integers(200, 600), st.just("end"))


def cut(text: str, sizes: Sequence[int]) -> tuple[str, ...]:
    found: list[str] = []
    at = 0
    while at < len(text):
        found.append(text[at : at + sizes[len(found) % len(sizes)]])
        at += len(found[-1])
    return tuple(found)


async def streamed(text: str, sizes: Sequence[int], window: int | str) -> tuple[str, list[str], Outcome | None]:
    rig = guarded_rig("a", scripts={"a": [Step(pieces=cut(text, sizes) or ("x",))]}, stream_window=window)
    async with rig.router.stream(question()) as stream:
        choices = [choice async for chunk in stream for choice in chunk.choices]
        outcome = stream.result.guardrail
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    return said, [choice["finish_reason"] for choice in choices if choice["finish_reason"]], outcome


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=50, deadline=None)
@given(CLEAN, CUTS)
def test_off_passes_every_chunk_on_as_it_comes_and_says_so(text: str, sizes: list[int]) -> None:
    said, finish, outcome = run_virtually(streamed(text + "forbidden fruit", sizes, "off"))

    assert (said, finish, outcome) == (text + "forbidden fruit", ["stop"], Outcome.UNCHECKED)
