"""A call of LiteLLM that is cancelled while its thread still builds the request leaves no coroutine behind."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest

from litellm_fallback_router.engine.acompletion.cancelling import call_cancellable, track_coroutine


class Library:
    """Calls in two steps, as LiteLLM does: a thread makes the coroutine that is then awaited."""

    def __init__(self) -> None:
        self.may_build, self.built = threading.Event(), threading.Event()
        self.made: list[Coroutine[Any, Any, str]] = []
        self._completion = track_coroutine(self._build)

    async def acompletion(self) -> str:
        build = partial(contextvars.copy_context().run, self._completion)
        sending: Coroutine[Any, Any, str] = await asyncio.get_running_loop().run_in_executor(None, build)
        return await sending

    def _build(self) -> Coroutine[Any, Any, str]:
        assert self.may_build.wait(10)
        self.made.append(self._send())
        self.built.set()
        return self.made[0]

    async def _send(self) -> str:
        return "answer"


async def test_a_call_that_is_left_alone_gives_its_result() -> None:
    library = Library()
    library.may_build.set()
    assert await call_cancellable(library.acompletion, {}) == "answer"


@pytest.mark.parametrize("built_before", [False, True])
async def test_a_cancelled_call_closes_what_its_thread_makes_before_or_after(built_before: bool) -> None:
    library = Library()
    call = asyncio.create_task(call_cancellable(library.acompletion, {}))
    await asyncio.sleep(0)
    if built_before:
        library.may_build.set()
        assert library.built.wait(10)  # the loop does not learn of it: nothing is awaited
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    library.may_build.set()
    async with asyncio.timeout(10):
        while not library.made or inspect.getcoroutinestate(library.made[0]) != inspect.CORO_CLOSED:
            await asyncio.sleep(0.001)
