"""Signals to end wait for what must not be left half done."""

from __future__ import annotations

import os
import signal

import pytest

from litellm_fallback_router.commands.interrupts import ENDING, held_signals


def come(number: int) -> None:
    os.kill(os.getpid(), number)


def test_signal_that_comes_while_held_acts_at_the_release() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held_signals() as released:
        come(signal.SIGINT)
        done.append("made")
        try:
            with released():
                done.append("used")
        finally:
            come(signal.SIGINT)
            done.append("undone")
    assert done == ["made", "undone"]


def test_signal_that_comes_while_it_is_undone_acts_at_the_end() -> None:
    done = []
    with pytest.raises(SystemExit) as left, held_signals() as released:
        with released():
            done.append("used")
        come(signal.SIGTERM)
        done.append("undone")
    assert left.value.code == 128 + signal.SIGTERM
    assert done == ["used", "undone"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_released_signal_ends_it_as_an_exception_does(number: int) -> None:
    done = []
    with pytest.raises(SystemExit) as left, held_signals() as released:
        try:
            with released():
                come(number)
                done.append("never")
        finally:
            done.append("undone")
    assert left.value.code == 128 + number
    assert done == ["undone"]


def test_handlers_are_afterwards_what_they_were() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with held_signals() as released, released():
        pass
    assert [signal.getsignal(number) for number in ENDING] == before
