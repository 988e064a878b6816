"""Ctrl-C and other signals to end: held where something would be left half done, acted on while LiteLLM is loaded."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

from .. import bootstrap

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Released = Callable[[], AbstractContextManager[None]]


@contextmanager
def held_signals() -> Iterator[Released]:
    """Signals to end wait while the context lasts, but not inside the context that it gives; there SIGTERM and SIGHUP
    end the process as an exception does, so that everything on the way is cleaned up. For the main thread."""
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in ENDING}
    came: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        came.append(number)

    def end(number: int, _: FrameType | None) -> None:
        _end(number)

    @contextmanager
    def released() -> Iterator[None]:
        for number in ENDING:
            signal.signal(number, before[number] if number == signal.SIGINT else end)
        try:
            if came:
                _end(came.pop())
            yield
        finally:
            for number in ENDING:
                signal.signal(number, hold)

    for number in ENDING:
        signal.signal(number, hold)
    try:
        yield released
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        _end(came.pop())


def _end(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


async def loaded() -> None:
    """Import LiteLLM, which takes seconds, in a daemon thread: at its end `asyncio.run` waits for the
    threads of its own pool, so that an interrupted command would hang until the import is done."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def load() -> None:
        try:
            bootstrap.warm_up()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=load, name="loading", daemon=True).start()
    await asyncio.wrap_future(done)
