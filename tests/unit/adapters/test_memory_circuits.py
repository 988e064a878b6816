"""Circuits in memory say how they move, as those in the table do."""

from __future__ import annotations

import asyncio

from litellm_fallback_router.adapters.memory import MemoryCircuits


def test_each_move_of_a_circuit_is_told_once() -> None:
    moves: list[tuple[str, str]] = []
    now = 0.0

    def moved(deployment: str, state: str) -> None:
        moves.append((deployment, state))

    async def main() -> None:
        nonlocal now
        circuits = MemoryCircuits(failures=2, open_seconds=10.0, probe_seconds=5.0, clock=lambda: now, moved=moved)
        await circuits.succeeded("a", seconds=0.0)
        for _ in range(4):
            await circuits.failed("a")
        assert moves == [("a", "open")]
        now = 20.0
        assert await circuits.acquire_probe("a")
        await circuits.failed("a", probe=True)
        assert moves[1:] == [("a", "half_open"), ("a", "open")]
        now = 40.0
        after = circuits.carried({"a"}, failures=2, open_seconds=10.0, probe_seconds=5.0)
        assert await after.acquire_probe("a")
        for _ in range(2):
            await after.succeeded("a", seconds=0.0)
        assert moves[3:] == [("a", "half_open"), ("a", "closed")]

    asyncio.run(main())
