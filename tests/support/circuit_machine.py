"""Circuits of several processes against a simple model: what opens one, who may probe it, and what closes it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from litellm_fallback_router.routing.ports import Circuits, CircuitState

T = TypeVar("T")
NAME = "gpt"
FAILURES, OPEN_SECONDS, PROBE_SECONDS = 3, 15, 60
LONG_AGO = 1e6
"""Seconds."""
ALL_SEE_IT = 6.0
"""Seconds after which every process has read what another wrote."""


@dataclass
class Model:
    """What is true of one circuit. Times are seconds."""

    opened: float | None = None
    prober: int | None = None
    """The process whose probe is under way."""
    lease_ends: float = 0.0
    orphaned: bool = False
    """The probe's process was killed."""

    def under_way(self, now: float) -> bool:
        """True where the probe may still end in a verdict."""
        return self.prober is not None and not self.orphaned and now < self.lease_ends

    def probe_due(self, now: float) -> bool:
        if self.opened is None:
            return False
        return now >= (self.opened + OPEN_SECONDS if self.prober is None else self.lease_ends)


class CircuitMachine(RuleBasedStateMachine):
    """One circuit, which is asked once all processes have read what was written. A subclass has the processes."""

    processes = 1

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.time = 1_800_000_000.0
        self.model = Model()
        self.streaks = [0] * self.processes
        """Failures in a row that each process has seen."""

    def now(self) -> float:
        return self.time

    def circuits_made(self) -> list[Circuits]:
        """The circuits of each process, by `now`."""
        raise NotImplementedError

    async def settled(self) -> None:
        """Wait until all is written."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def main() -> T:
            result = await work
            await self.settled()
            return result

        return self.loop.run_until_complete(main())

    @initialize()
    def start(self) -> None:
        self.circuits = self.circuits_made()

    def state(self, which: int) -> CircuitState:
        return self.run(self.circuits[which].states([NAME])).get(NAME, CircuitState())

    @rule(seconds=st.sampled_from([ALL_SEE_IT, 20.0, PROBE_SECONDS + 10.0]))
    def wait(self, seconds: float) -> None:
        self.time += seconds
        for which in range(self.processes):
            # A busy process reads behind its requests: the second one sees it.
            self.state(which)
            self.state(which)

    @precondition(lambda self: self.model.opened is None)
    @rule(which=st.integers(0, 9))
    def an_attempt_fails(self, which: int) -> None:
        which %= self.processes
        self.streaks[which] += 1
        opens = self.streaks[which] >= FAILURES
        assert self.run(self.circuits[which].failed(NAME)) == opens
        if opens:
            self.model = Model(opened=self.time)
            self.wait(ALL_SEE_IT)

    @precondition(lambda self: self.model.opened is None)
    @rule(which=st.integers(0, 9))
    def an_attempt_succeeds(self, which: int) -> None:
        which %= self.processes
        self.streaks[which] = 0
        self.run(self.circuits[which].succeeded(NAME, seconds=0.0))

    @precondition(lambda self: self.model.opened is None)
    @rule(which=st.integers(0, 9))
    def an_attempt_sent_before_the_failures_succeeds(self, which: int) -> None:
        """It says nothing of the deployment as it is now."""
        self.run(self.circuits[which % self.processes].succeeded(NAME, seconds=LONG_AGO))

    @precondition(lambda self: self.model.opened is not None)
    @rule(which=st.integers(0, 9))
    def an_attempt_sent_before_it_opened_fails(self, which: int) -> None:
        """That ends no probe, and puts off none."""
        assert not self.run(self.circuits[which % self.processes].failed(NAME)), "it was open before"

    @precondition(lambda self: self.model.opened is not None)
    @rule(which=st.integers(0, 9))
    def an_attempt_sent_before_it_opened_succeeds(self, which: int) -> None:
        """It says nothing of the deployment as it is now."""
        self.run(self.circuits[which % self.processes].succeeded(NAME, seconds=LONG_AGO))

    @precondition(lambda self: self.model.opened is not None)
    @rule(which=st.integers(0, 9))
    def an_attempt_sent_since_it_opened_succeeds(self, which: int) -> None:
        """The deployment answers: that closes the circuit, also while another request probes it."""
        self.model, self.streaks = Model(), [0] * self.processes
        self.run(self.circuits[which % self.processes].succeeded(NAME, seconds=0.0))
        self.wait(ALL_SEE_IT)

    @rule(first=st.integers(0, 9))
    def all_ask_for_the_probe(self, first: int) -> None:
        """Exactly one of them gets it, and only where it is due."""
        due, open_ = self.model.probe_due(self.time), self.model.opened is not None
        asked = [(first + number) % self.processes for number in range(self.processes)] * 2
        won = [which for which in asked if self.run(self.circuits[which].acquire_probe(NAME))]
        if not open_:
            assert len(won) == len(asked), "a closed circuit needs no probe"
            return
        assert len(won) == (1 if due else 0)
        if won:
            self.model.prober, self.model.lease_ends = won[0], self.time + PROBE_SECONDS
            self.model.orphaned = False
            self.wait(ALL_SEE_IT)

    def ended(self, model: Model) -> int:
        """End the probe; who had it."""
        which = self.model.prober
        assert which is not None
        self.model = model
        self.streaks = [0] * self.processes
        return which

    @precondition(lambda self: self.model.under_way(self.time))
    @rule()
    def the_probe_succeeds(self) -> None:
        which = self.ended(Model())
        self.run(self.circuits[which].succeeded(NAME, seconds=0.0))
        self.wait(ALL_SEE_IT)

    @precondition(lambda self: self.model.under_way(self.time))
    @rule()
    def the_probe_fails(self) -> None:
        which = self.ended(Model(opened=self.time))
        assert not self.run(self.circuits[which].failed(NAME, probe=True)), "it was open before"
        self.wait(ALL_SEE_IT)

    @precondition(lambda self: self.model.under_way(self.time))
    @rule()
    def the_probe_ends_without_a_verdict(self) -> None:
        which = self.ended(Model(opened=self.model.opened))
        self.run(self.circuits[which].released(NAME))
        self.wait(ALL_SEE_IT)

    @precondition(lambda self: self.model.under_way(self.time))
    @rule()
    def its_process_is_killed(self) -> None:
        """Nobody ends the probe: its lease does."""
        assert self.model.prober is not None
        self.killed(self.model.prober)
        self.streaks[self.model.prober], self.model.orphaned = 0, True

    def killed(self, which: int) -> None:
        """Another process takes its place."""

    @invariant()
    def every_process_knows_whether_it_is_open_and_when_a_probe_is_due(self) -> None:
        for which in range(self.processes):
            found = self.state(which)
            assert found.open == (self.model.opened is not None)
            assert found.probe_due == self.model.probe_due(self.time)
            assert 0 <= found.retry_after <= max(OPEN_SECONDS, PROBE_SECONDS)

    def teardown(self) -> None:
        self.loop.close()
