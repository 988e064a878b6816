"""The two parts of a resumed stream read as one answer, within the caller's bounds on the whole."""

from __future__ import annotations

import pytest

from tests.support.scripted import (
    CUT,
    Step,
    breaks,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize("continuation", [" is Paris.", "The capital of France is Paris."])
def test_restart_and_continuation_read_the_same(continuation: str) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(continuation)]})
        assert (await read(r.router, question()))[0] == "The capital of France is Paris."

    run_virtually(main())


def test_what_was_sent_counts_against_max_tokens() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(" is Paris.")]})
        await read(r.router, question(params={"max_tokens": 20}))
        assert r.provider.calls[1].params["max_tokens"] == 20 - 6
        r = rig("a", "b", scripts={"a": [CUT]})
        chunks = [chunk async for chunk in r.router.stream(question(params={"max_tokens": 6}))]
        assert chunks[-1].choices[0]["finish_reason"] == "length"
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_a_stop_string_across_the_seam_ends_the_stream() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks("one two ST")], "b": [says("OP three four")]})
        chunks = [chunk async for chunk in r.router.stream(question(params={"stop": ["STOP"]}))]
        text = "".join(c.choices[0]["delta"].get("content", "") for c in chunks)
        assert text == "one two ST"
        assert chunks[-1].choices[0]["finish_reason"] == "stop"
        assert r.provider.open_streams == 0

    run_virtually(main())


@pytest.mark.parametrize(
    ("sent", "rest", "stop", "text"),
    [
        ("Paris is the capital. Paris ", "is", None, "Paris is the capital. Paris is"),
        ("The E", "ND of it", "END", "The E"),
        ("The E", "ND of it", ["x", "END"], "The E"),
    ],
)
def test_a_short_rest_is_not_lost_and_a_stop_string_across_the_seam_ends_it(
    sent: str, rest: str, stop: str | list[str] | None, text: str
) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks(sent)], "b": [Step((rest,))]})
        params = {} if stop is None else {"stop": stop}
        said, result = await read(r.router, question(params=params))
        assert said == text
        assert [place.id for place in result.responders] == ["a", "b"]

    run_virtually(main())
