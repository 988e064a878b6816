"""What a candidate's postprocessors do to an answer reaches the caller; the record has the answer before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.postprocess import ChunkPostprocessor, Postprocessor
from litellm_fallback_router.routing.errors import StreamInterruptedError
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.plan.planner import Plan, plan
from tests.support.scripted import Rig, Step, question, read, rig
from tests.support.virtual_time import run_virtually

Choices = list[dict[str, Any]]


@dataclass(frozen=True)
class Replaces:
    """Says `new` for each `old`. Refuses what has `no` in it."""

    old: str
    new: str
    no: str = "\0"

    def whole(self, choices: Choices) -> Choices:
        return [c | {"message": self._said(c["message"])} for c in choices]

    def stream(self) -> ChunkPostprocessor:
        return _Replacing(self)

    def _said(self, said: dict[str, Any]) -> dict[str, Any]:
        text = said.get("content") or ""
        if self.no in text:
            raise ProviderFailure(FailureKind.REJECTED, "no use")
        return {**said, "content": text.replace(self.old, self.new)}


@dataclass
class _Replacing:
    of: Replaces

    def chunk(self, choices: Choices) -> Choices:
        return [c | {"delta": self.of._said(c["delta"])} for c in choices if c["delta"].get("content") != "held"]


def planned(monkeypatch: pytest.MonkeyPatch, *steps: Postprocessor) -> None:
    """Every first candidate of a plan has these."""

    def with_steps(*args: Any) -> Plan:
        decided = plan(*args)
        first, *others = decided.candidates
        return replace(decided, candidates=(replace(first, postprocessors=steps), *others))

    monkeypatch.setattr("litellm_fallback_router.routing.router.plan", with_steps)


async def answer(r: Rig, *, streaming: bool) -> tuple[str, str]:
    if streaming:
        text, result = await read(r.router, question())
        return text, result.provider
    result = await r.router.complete(question())
    return result.text, result.provider


@pytest.mark.parametrize("streaming", [False, True])
def test_the_last_adaptation_is_undone_first(monkeypatch: pytest.MonkeyPatch, streaming: bool) -> None:
    planned(monkeypatch, Replaces("b", "c"), Replaces("a", "b"))

    async def main() -> None:
        r = rig("a", scripts={"a": [Step(("a", "a"))]})
        assert await answer(r, streaming=streaming) == ("cc", "openai:a")

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_of_no_use_falls_back_and_is_counted(monkeypatch: pytest.MonkeyPatch, streaming: bool) -> None:
    planned(monkeypatch, Replaces("x", "y", no="bad"))

    async def main() -> None:
        r = rig("a", "b", scripts={"a": [Step(("bad answer",), usage=Usage(10, 5))]})
        assert await answer(r, streaming=streaming) == ("Paris is the capital.", "openai:b")
        failed = r.notes.attempts[0]
        assert (failed.failure, failed.wasted) == (FailureKind.REJECTED, True)
        assert failed.usage is not None
        assert failed.usage.completion_tokens > 0

    run_virtually(main())


def test_a_stream_found_of_no_use_after_text_was_sent_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, Replaces("x", "y", no="bad"))

    async def main() -> None:
        r = rig("a", "b", scripts={"a": [Step(("good, ", "bad"))]})
        params = {"response_format": {"type": "json_object"}}
        with pytest.raises(StreamInterruptedError):
            await read(r.router, question(params=params))
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_what_is_held_back_is_no_silence_and_counts_as_received(monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, Replaces("x", "y"))

    async def main() -> None:
        r = rig("a", scripts={"a": [Step(("held", "held", "said"), usage=None)]})
        text, result = await read(r.router, question())
        assert text == "said"
        (attempt,) = result.ledger.attempts
        assert attempt.first_token_seconds == pytest.approx(0.01)
        assert attempt.usage is not None
        assert attempt.usage.completion_tokens == 3, "twelve characters"

    run_virtually(main())
