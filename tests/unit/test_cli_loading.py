"""A command that is interrupted while LiteLLM is being imported."""

from __future__ import annotations

import asyncio
import threading

import pytest

from litellm_fallback_router import bootstrap
from litellm_fallback_router.commands.interrupts import loaded


def test_an_interrupted_command_does_not_wait_for_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    never, importing = threading.Event(), threading.Event()

    def slow_import() -> None:
        importing.set()
        never.wait(100)

    monkeypatch.setattr(bootstrap, "warm_up", slow_import)

    async def interrupted() -> None:
        task = asyncio.create_task(loaded())
        await asyncio.to_thread(importing.wait, 10)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert not never.is_set()
    assert "loading" in {thread.name for thread in threading.enumerate()}, "the import is still under way"
    never.set()


async def test_an_import_that_fails_is_told_where_it_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("no litellm here")

    monkeypatch.setattr(bootstrap, "warm_up", broken)

    with pytest.raises(ImportError, match="no litellm here"):
        await loaded()
