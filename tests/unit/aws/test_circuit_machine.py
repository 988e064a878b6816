"""Circuits of three processes on the state table against a model."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

import boto3
import pytest
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base, dynamodb
from hypothesis import settings

from litellm_fallback_router.adapters.dynamodb.circuit_table import CircuitTable
from litellm_fallback_router.adapters.dynamodb.circuits import SharedCircuits
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.ports import Circuits
from tests.support.circuit_machine import FAILURES, OPEN_SECONDS, PROBE_SECONDS, CircuitMachine
from tests.support.fleet import StateNotes
from tests.support.stacks import make_state_table

T = TypeVar("T")
_numbers = itertools.count()


class Inline(Availability):
    """Calls the table on the loop."""

    async def call(self, what: str, work: Callable[[], T]) -> T | None:
        return work()


class SharedMachine(CircuitMachine):
    processes = 3

    def circuits_made(self) -> list[Circuits]:
        self.client, self.table = boto3.client("dynamodb"), f"circuits-{next(_numbers)}"
        make_state_table(self.client, self.table)
        self.shared = [self.process() for _ in range(self.processes)]
        return list(self.shared)

    def process(self) -> SharedCircuits:
        notes = StateNotes()
        return SharedCircuits(
            CircuitTable(self.client, self.table, PROBE_SECONDS),
            Inline(notes, self.now),
            notes,
            failures=FAILURES,
            open_seconds=OPEN_SECONDS,
            probe_seconds=PROBE_SECONDS,
            clock=self.now,
        )

    def killed(self, which: int) -> None:
        self.circuits[which] = self.shared[which] = self.process()

    async def settled(self) -> None:
        for one in self.shared:
            while one._tasks:
                await asyncio.gather(*one._tasks)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        # Powertools reads the time by itself.
        now = SimpleNamespace(datetime=SimpleNamespace(now=lambda: datetime.fromtimestamp(self.time, UTC)))
        with patch.object(base, "dt", now), patch.object(dynamodb, "dt", now):
            return super().run(work)


SharedMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=40)


@pytest.mark.usefixtures("aws")
class TestSharedMachine(SharedMachine.TestCase):  # type: ignore[misc, valid-type]
    """Three processes against a model."""
