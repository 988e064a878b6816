"""What must not be left half done is done before Ctrl-C, or another signal to end, is obeyed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

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
