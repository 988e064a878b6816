"""One event loop in a thread of its own, for callers that have none: scripts and threads.

It lives as long as the process, so that connections to the providers are kept between calls.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

PARK_SECONDS = 2.0
"""Most that the end of the process waits for a step of the loop."""

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
"""By process id: a forked child has no thread of its parent's."""
_first: set[asyncio.AbstractEventLoop] = set()
"""Loops that are halted before anything else at the end of the process."""


def run_in_background(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run on the background loop; blocks the calling thread until it is there.

    Interrupting the wait (Ctrl-C) cancels the work.
    """
    loop = _loop()
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        result = future.result()
    except BaseException:
        future.cancel()
        raise
    _park_first(loop)
    return result


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="litellm-fallback-router", daemon=True).start()
            atexit.register(_park, loop)
            _loops[os.getpid()] = loop
        return loop


def _park_first(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop halted before its connections, which it has by now, are closed: what is registered last runs first.
    Once only: `atexit` keeps a place for each that was ever registered."""
    with _lock:
        if loop not in _first:
            _first.add(loop)
            atexit.unregister(_park)
            atexit.register(_park, loop)


def _park(loop: asyncio.AbstractEventLoop) -> None:
    """Halt the loop between two steps, for good: Python is about to end.

    It stops a daemon thread wherever that is. Where that is inside an import, the thread keeps the import's lock, and
    a finalizer of LiteLLM's that imports something waits for it for ever.
    """
    if _loops.get(os.getpid()) is not loop:
        return
    halted = threading.Event()

    def halt() -> None:
        halted.set()
        threading.Event().wait()  # the thread ends with the process

    loop.call_soon_threadsafe(halt)
    halted.wait(PARK_SECONDS)
