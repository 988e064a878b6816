"""Circuits in a process's memory against a model."""

from __future__ import annotations

from hypothesis import settings

from litellm_fallback_router.adapters.memory import MemoryCircuits
from litellm_fallback_router.routing.ports import Circuits
from tests.support.circuit_machine import FAILURES, OPEN_SECONDS, PROBE_SECONDS, CircuitMachine


class MemoryMachine(CircuitMachine):
    def circuits_made(self) -> list[Circuits]:
        made = MemoryCircuits(failures=FAILURES, open_seconds=OPEN_SECONDS, probe_seconds=PROBE_SECONDS, clock=self.now)
        return [made]


MemoryMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=60)
TestMemoryCircuits = MemoryMachine.TestCase
