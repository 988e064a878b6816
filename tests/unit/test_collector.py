"""The garbage collector rests for a while, and works again after it."""

from __future__ import annotations

import gc

import pytest

from litellm_fallback_router.collector import gc_paused


def test_nothing_is_collected_inside_and_everything_after_it() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), gc_paused():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_someone_else_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
