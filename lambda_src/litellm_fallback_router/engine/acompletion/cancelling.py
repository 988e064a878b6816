"""Calls of LiteLLM that may be cancelled at any moment.

`litellm.acompletion` builds its request in a thread, which makes the coroutine that sends it. Cancelled in between it
forgets that coroutine, and Python logs that it was never awaited.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any


class _Call:
    """What one call's thread has made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False
        self._made: Coroutine[Any, Any, Any] | None = None

    def made(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """The thread is done; the call may be over already."""
        with self._lock:
            self._made = coroutine
            if self._over:
                coroutine.close()

    def over(self) -> None:
        """Nobody will begin what has not begun by now."""
        with self._lock:
            self._over = True
            if self._made is not None and inspect.getcoroutinestate(self._made) == inspect.CORO_CREATED:
                self._made.close()


_CALL: ContextVar[_Call | None] = ContextVar("litellm_call", default=None)


def track_coroutine(completion: Callable[..., Any]) -> Callable[..., Any]:
    """`litellm.completion`, which the thread runs in the caller's context, telling the call what it has made."""

    @functools.wraps(completion)
    def noted(*args: Any, **kwargs: Any) -> Any:
        made, call = completion(*args, **kwargs), _CALL.get()
        if call is not None and inspect.iscoroutine(made):
            call.made(made)
        return made

    return noted


async def call_cancellable(acompletion: Callable[..., Coroutine[Any, Any, Any]], arguments: Mapping[str, Any]) -> Any:
    """The result of `acompletion`, with nothing left behind where it is cancelled."""
    call = _Call()
    token = _CALL.set(call)
    try:
        return await acompletion(**arguments)
    finally:
        _CALL.reset(token)
        call.over()
