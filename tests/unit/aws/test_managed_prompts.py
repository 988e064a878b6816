"""Prompts of Bedrock: read once, kept, shared, and used on while Bedrock is away."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.adapters.prompts import ManagedPrompts, kept, reader
from litellm_fallback_router.adapters.prompts.client import PromptMissingError, PromptUnreachableError
from litellm_fallback_router.routing.errors import InvalidRequestError, UnavailableError
from litellm_fallback_router.simulated import bedrock
from local.simulator import Fault, Simulator

ID = "ABCDEFGHIJ"


@dataclass
class Bedrock:
    """Reads in threads: answers by turns; the last answer repeats. Held back while `open` is not set."""

    answers: list[str | Exception] = field(default_factory=lambda: ["first"])
    read: list[tuple[str, str]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def __call__(self, identifier: str, version: str) -> Mapping[str, Any]:
        self.read.append((identifier, version))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        assert self.open.wait(10)
        if isinstance(answer, Exception):
            raise answer
        text = {"text": {"text": answer}}
        variant = {"name": "v", "templateType": "TEXT", "templateConfiguration": text}
        return {"id": identifier, "version": version, "variants": [variant]}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def text(prompts: ManagedPrompts, version: str = "DRAFT", identifier: str = ID) -> str:
    template = await prompts.get(identifier, version)
    return str(template.messages[0]["content"])


async def test_a_version_is_read_once_and_for_all() -> None:
    source, clock = Bedrock(["first", "second"]), Clock()
    prompts = ManagedPrompts(source, clock)
    assert await text(prompts, "1") == "first"
    clock.now += 10 * 365 * 86_400
    assert await text(prompts, "1") == "first"
    assert source.read == [(ID, "1")]


async def test_a_draft_is_read_again_after_a_minute() -> None:
    source, clock = Bedrock(["first", "second"]), Clock()
    prompts = ManagedPrompts(source, clock)
    assert await text(prompts) == "first"
    clock.now += 59
    assert await text(prompts) == "first"
    clock.now += 2
    assert await text(prompts) == "second"
    assert len(source.read) == 2


async def test_versions_and_drafts_are_kept_apart() -> None:
    prompts = ManagedPrompts(Bedrock(["draft", "one", "two"]))
    assert [await text(prompts, version) for version in ("DRAFT", "1", "2", "1", "DRAFT")] == [
        *("draft", "one", "two"),
        *("one", "draft"),
    ]


async def test_requests_at_the_same_time_share_one_reading() -> None:
    source = Bedrock()
    source.open.clear()
    prompts = ManagedPrompts(source)
    asking = [asyncio.create_task(text(prompts)) for _ in range(50)]
    await asyncio.sleep(0.05)
    source.open.set()
    assert await asyncio.gather(*asking) == ["first"] * 50
    assert len(source.read) == 1


async def test_a_caller_that_leaves_does_not_take_the_reading_with_it() -> None:
    source = Bedrock()
    source.open.clear()
    prompts = ManagedPrompts(source)
    leaving, staying = (asyncio.create_task(text(prompts)) for _ in range(2))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.wait({leaving}, timeout=5)
    assert leaving.cancelled()
    source.open.set()
    assert await staying == "first"
    assert len(source.read) == 1


def test_it_serves_one_event_loop_after_another() -> None:
    source = Bedrock(["first", "second"])
    prompts = ManagedPrompts(source)
    assert [asyncio.run(text(prompts, "1")) for _ in range(2)] == ["first", "first"]
    assert asyncio.run(text(prompts, "2")) == "second"


async def test_an_old_draft_is_used_on_while_bedrock_is_away_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, clock = Bedrock(["a secret text", PromptUnreachableError("ThrottlingException"), "second"]), Clock()
    prompts = ManagedPrompts(source, clock)
    await text(prompts)
    clock.now += 61
    with caplog.at_level(logging.WARNING):
        assert await text(prompts) == "a secret text"
    assert f"prompt {ID} (DRAFT) could not be read: ThrottlingException; what was read 61 s ago is used" in caplog.text
    assert "secret" not in caplog.text
    clock.now += 29
    assert await text(prompts) == "a secret text"
    assert len(source.read) == 2, "Bedrock's trouble does not tax every request"
    clock.now += 2
    assert await text(prompts) == "second"


async def test_a_prompt_that_was_never_read_is_a_503_with_the_reason_in_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Bedrock([PromptUnreachableError("AccessDeniedException: allow ..."), "first"])
    prompts = ManagedPrompts(source)
    with caplog.at_level(logging.WARNING), pytest.raises(UnavailableError) as refused:
        await text(prompts)
    assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
    assert "AccessDenied" not in str(refused.value)
    assert "AccessDeniedException: allow" in caplog.text
    assert await text(prompts) == "first"


async def test_bedrock_that_never_answers_keeps_no_request_waiting_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "READ_TIMEOUT", 0.1)
    source, clock = Bedrock(["first", "late"]), Clock()
    prompts = ManagedPrompts(source, clock)
    await text(prompts)
    clock.now += 61
    source.open.clear()
    assert await text(prompts) == "first"
    with pytest.raises(UnavailableError):
        await text(prompts, "1")
    source.open.set()


async def test_a_missing_prompt_and_a_missing_version_are_told_apart() -> None:
    prompts = ManagedPrompts(Bedrock([PromptMissingError()]))
    with pytest.raises(InvalidRequestError, match=f"no prompt '{ID}'") as prompt:
        await text(prompts)
    with pytest.raises(InvalidRequestError, match=f"prompt '{ID}' has no version '7'") as version:
        await text(prompts, "7")
    assert [one.value.param for one in (prompt, version)] == ["prompt.id", "prompt.version"]


async def test_a_draft_that_was_deleted_is_not_used_on() -> None:
    source, clock = Bedrock(["first", PromptMissingError(), PromptUnreachableError("gone")]), Clock()
    prompts = ManagedPrompts(source, clock)
    await text(prompts)
    clock.now += 61
    with pytest.raises(InvalidRequestError):
        await text(prompts)
    with pytest.raises(UnavailableError):
        await text(prompts)


async def test_the_prompt_unused_for_longest_makes_room() -> None:
    source = Bedrock()
    prompts = ManagedPrompts(source)
    for number in range(1, kept.MOST + 1):
        await text(prompts, str(number))
    await text(prompts, "1")
    await text(prompts, str(kept.MOST + 1))
    read = len(source.read)
    await text(prompts, "1")
    assert len(source.read) == read
    await text(prompts, "2")
    assert len(source.read) == read + 1


@pytest.fixture
async def simulator() -> Any:
    async with Simulator() as running:
        yield running


@pytest.fixture
def asked(simulator: Simulator) -> Callable[[str, str], Any]:
    """GetPrompt over a socket, off the event loop, where the simulator is."""
    read = reader("us-east-1", **bedrock(simulator.url))

    def ask(identifier: str, version: str) -> Any:
        return asyncio.to_thread(read, identifier, version)

    return ask


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="status", status=429), Fault(kind="status", status=500), Fault(kind="reset")],
    ids=["throttled", "failed", "reset"],
)
async def test_a_passing_trouble_is_retried_once(simulator: Simulator, asked: Any, fault: Fault) -> None:
    simulator.inject(fault, times=1)
    assert (await asked("CAPITALS01", "1"))["version"] == "1"
    simulator.inject(fault, times=2)
    with pytest.raises(PromptUnreachableError):
        await asked("CAPITALS01", "1")
    assert len(simulator.requests) == 4


@pytest.mark.parametrize(
    ("kind", "why"), [("access_denied", "AccessDeniedException: allow"), ("expired_token", "ExpiredTokenException")]
)
async def test_a_lasting_trouble_is_not_retried(simulator: Simulator, asked: Any, kind: Any, why: str) -> None:
    simulator.inject(Fault(kind=kind))
    with pytest.raises(PromptUnreachableError, match=why):
        await asked("CAPITALS01", "1")
    assert len(simulator.requests) == 1


async def test_a_silent_bedrock_is_given_up_in_time(simulator: Simulator, asked: Any) -> None:
    simulator.inject(Fault(kind="silence"))
    began = asyncio.get_running_loop().time()
    with pytest.raises(PromptUnreachableError, match="ReadTimeoutError"):
        await asked("CAPITALS01", "1")
    assert asyncio.get_running_loop().time() - began < kept.READ_TIMEOUT
    assert len(simulator.requests) == 2


async def test_what_is_not_there_is_missing(simulator: Simulator, asked: Any) -> None:
    for identifier, version in (("NOSUCHONE1", "DRAFT"), ("CAPITALS01", "9")):
        with pytest.raises(PromptMissingError):
            await asked(identifier, version)
