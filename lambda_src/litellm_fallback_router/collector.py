"""Python's garbage collector, paused while modules load."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """No collections inside. For imports: they make hundreds of thousands of objects that live as long as the process,
    and each collection would traverse all of them (a quarter of LiteLLM's import) to find next to nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
