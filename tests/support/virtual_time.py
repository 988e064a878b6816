"""The product's virtual time, and the tasks that a test has left."""

from __future__ import annotations

import asyncio
from typing import Any

from litellm_fallback_router.replay import VirtualTimeLoop, run_virtually

__all__ = ["VirtualTimeLoop", "run_virtually", "tasks_left"]


def tasks_left() -> list[asyncio.Task[Any]]:
    """Every other task under way, but those that an HTTP client of an earlier test begins when it is collected: they
    run on whatever loop runs at that moment."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return [task for task in others if getattr(task.get_coro(), "__name__", "") != "aclose"]
