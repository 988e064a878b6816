"""Which candidate is sent the request next, after which wait, and what follows from a failed attempt."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable
from dataclasses import replace

from ..deadline import Deadline
from ..errors import RouterError
from ..failures import FailureKind, NextStep, ProviderFailure
from ..ledger import AttemptRecord, Dropped, Ledger
from ..mapping import RouterSettings
from ..plan import Candidate, Plan
from ..request import ImageUnavailableError, RequestImages
from ..types import ChatRequest, Deployment
from .admission import Admission, admit, in_vain
from .attempt import Attempt, Gate, Stop
from .consequences import apply_failure, next_step
from .dependencies import ExecutionDependencies
from .exhausted import exhausted_error
from .holds import AttemptHook, settle
from .remaining import Remaining
from .room import RoomHook

NO_RETRIES = "the chain's budget for retries is used up (`waste_requests`, `waste_usd`)"


class AttemptSchedule:
    """The attempts of one request, in order. `next()` returns each; exactly one of `succeeded`, `failed` and
    `abandoned` is called for it before `next()` is called again."""

    def __init__(
        self,
        request: ChatRequest,
        plan: Plan,
        settings: RouterSettings,
        dependencies: ExecutionDependencies,
        *,
        streamed: bool = False,
    ) -> None:
        """`streamed`: a first token is waited for, not a whole answer."""
        self.request = request
        self.streamed = streamed
        self.plan = plan
        self.settings = settings
        self.dependencies = dependencies
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self.end = Deadline() if request.time_left is None else Deadline(request.time_left)
        """Ends every wait of this request, a flowing stream included."""
        budget = settings.deadline if request.timeout is None else min(request.timeout, settings.deadline)
        self.deadline = Deadline(min(budget, self.end.left))
        self._remaining = Remaining(plan)
        self.ended = "no candidate is left"
        """Why no attempt is left, once `next()` has returned None."""
        self._expired = False
        """True where the deadline passed before all candidates were tried."""
        self._retry_at: dict[str, float] = {}
        """When a deployment that failed is tried again, in the loop's time."""
        self._refreshed: set[str] = set()
        self.failures: list[ProviderFailure] = []
        self.attempts: list[AttemptRecord] = []
        """In the order in which they began."""
        self.begun = 0
        """Number of attempts, those under way included."""
        self.images = RequestImages(dependencies.images)
        self.notes: list[Callable[[Ledger], Ledger]] = []
        """Each adds to the ledger what others know of the request."""
        self.gates: list[Gate] = []
        self.hooks: list[AttemptHook] = [RoomHook(self)]
        self.stopped: Stop | None = None
        """Why an attempt under way is cancelled, where neither its caller nor the process ends it."""

    @property
    def elapsed(self) -> float:
        """Seconds since the request began."""
        return self._loop.time() - self._started

    @property
    def ledger(self) -> Ledger:
        ledger = Ledger(tuple(self.attempts), self._remaining.dropped, self.elapsed, streamed=self.streamed)
        for note in self.notes:
            ledger = note(ledger)
        return ledger

    def fell_back(self, deployment: Deployment) -> bool:
        """True where `deployment` is not a member of the requested group."""
        return deployment.model_name != self.plan.primary

    async def next(self) -> Attempt | None:
        """The next attempt, after any wait it needs; None when there is nothing left to try."""
        while self._may_go_on():
            candidate = self._remaining.head
            if not self._may_retry(candidate):
                continue
            if not await self._waited(candidate) or not (self.attempts or await self._ready()):
                continue
            shown = await self._with_images(candidate) if candidate.images_by_url else candidate
            if isinstance(shown, Candidate) and not await self._allowed(shown):
                return None
            if self.deadline.expired:
                continue
            admitted = shown if isinstance(shown, Dropped) else await admit(shown, self.dependencies, self.hooks)
            if isinstance(admitted, Dropped):
                self._remaining.requeue(admitted, self.dependencies.cooldowns)
                continue
            return self._begin(admitted, self._share())
        return None

    def _begin(self, admitted: Admission, budget: float) -> Attempt:
        """The attempt, which is sent now and may take `budget` seconds."""
        self._remaining.tried(admitted.candidate)
        self.begun += 1
        name, short_timeouts = admitted.candidate.deployment.id, self.dependencies.short_timeouts
        keep = self.settings.circuit_open_seconds
        short_timeouts.attempt_begins(name, budget, streamed=self.streamed, keep=keep)
        return Attempt(admitted.candidate, self.begun, self._loop.time(), budget, admitted.holds)

    async def succeeded(self, attempt: Attempt, record: AttemptRecord) -> None:
        """Record an attempt that returned an answer."""
        self._record(attempt, record)
        waste, provider = self.dependencies.waste, attempt.deployment.provider
        waste.answered(self.plan.chain, provider, record.cost_usd, self.settings)
        name, short_timeouts = attempt.deployment.id, self.dependencies.short_timeouts
        short_timeouts.answered(name, record.seconds, streamed=False)
        if record.first_token_seconds is not None:
            short_timeouts.answered(name, record.first_token_seconds, streamed=True)
        latency = record.first_token_seconds if self.streamed else record.seconds
        if latency is not None:
            self.dependencies.latencies.note(name, latency, streamed=self.streamed)
        await self.dependencies.circuits.succeeded(name, seconds=record.seconds)

    async def failed(self, attempt: Attempt, failure: ProviderFailure, record: AttemptRecord) -> None:
        """Record a failed attempt and apply FAILURE_POLICY: circuit, cooldown, retry, next candidate."""
        self._record(attempt, record)
        failure.forget_frames()
        rule = failure.rule
        circuits, deployment = self.dependencies.circuits, attempt.deployment
        # What was known of a last resort is no news to its circuit, whose probe may be on its way, nor to the caller.
        known = attempt.candidate.last_resort and (rule.counts_for_circuit or failure.caller_timeout)
        if not (known and self.failures):
            self.failures.append(failure)
        if failure.caller_timeout:
            keep = self.settings.circuit_open_seconds
            self.dependencies.short_timeouts.timed_out(deployment.id, attempt.budget, streamed=self.streamed, keep=keep)
        if rule.counts_for_circuit and not known:
            if await circuits.failed(deployment.id, probe=attempt.candidate.probe):
                self.dependencies.waits.interrupt(deployment.id)
        elif attempt.candidate.probe:
            await circuits.released(deployment.id)
        if not self._remaining.back(attempt.candidate):
            return
        if next_step(failure, self.settings) is NextStep.STOP:
            self._remaining.end()
        elif await self._refreshed_key(deployment, failure):
            if not self._room:
                self._remaining.give_up()
        elif rule.retry and (wait := self._retry_wait(attempt, failure)) is not None:
            self._retry_at[deployment.id] = self._loop.time() + wait
        else:
            self._remaining.give_up()
            apply_failure(deployment, failure, self._remaining, self.settings, self.dependencies)

    async def abandoned(self, attempt: Attempt, record: AttemptRecord) -> None:
        """Record an attempt that was cancelled; it does not count against its deployment."""
        self._record(attempt, record)
        if attempt.candidate.probe:
            await self.dependencies.circuits.released(attempt.deployment.id)

    def start_again(self, request: ChatRequest, plan: Plan) -> None:
        """Continue with another request and its plan, within the same deadline and number of attempts."""
        self.request, self.plan = request, plan
        self._remaining, self._retry_at = Remaining(plan), {}
        self.stopped = None

    def error(self) -> RouterError:
        """The error for the caller, once `next()` has returned None."""
        return exhausted_error(self.failures, self.ledger, expired=self._expired, param=self.request.param)

    def renew_deadline(self) -> None:
        """Give the continuation of a broken stream a first-token budget of its own."""
        self.deadline = self.deadline.renewed(self.end)

    def _may_go_on(self) -> bool:
        """False where no candidate, attempt or time is left; the ledger then holds the reason."""
        if not self._remaining:
            return False
        if self.deadline.expired:
            self.ended, self._expired = "no time is left", True
            self._remaining.end("deadline", "the request's time was over before its turn")
            return False
        if self.begun >= self.settings.max_attempts:
            self.ended = "no attempt is left"
            reason = f"{self.begun} attempts were made before its turn (`max_attempts`)"
            self._remaining.end("max_attempts", reason)
            return False
        return True

    async def _allowed(self, candidate: Candidate) -> bool:
        for gate in self.gates:
            if not await gate(candidate):
                return False
        return True

    async def _ready(self) -> bool:
        """False where the deadline passes first. That counts as no attempt: nothing was sent."""
        try:
            async with asyncio.timeout(self.deadline.left):
                await self.dependencies.provider.ready()
        except TimeoutError:
            return False
        return True

    async def _with_images(self, candidate: Candidate) -> Candidate | Dropped:
        """The candidate with those images inlined that it does not accept by URL."""
        try:
            messages = await self.images.inlined(candidate.messages, candidate.images_by_url, within=self.deadline.left)
        except ImageUnavailableError as error:
            return Dropped(candidate.deployment.id, "images", str(error))
        return replace(candidate, messages=messages, images_by_url=frozenset())

    def _record(self, attempt: Attempt, record: AttemptRecord) -> None:
        insort(self.attempts, record, key=lambda one: one.number)
        settle(attempt.holds, record)
        if record.wasted and record.cost_usd:
            self.dependencies.waste.wasted(self.plan.chain, record.cost_usd, self.settings)
        self.dependencies.observer.attempted(self.request, record)

    def _may_retry(self, candidate: Candidate) -> bool:
        """False where this would be a retry for which the waste budget has nothing left: the candidate is given up."""
        deployment = candidate.deployment
        if deployment.id not in self._retry_at:
            return True
        if self.dependencies.waste.take(self.plan.chain, deployment.provider, self.settings):
            return True
        del self._retry_at[deployment.id]
        self._remaining.note(Dropped(deployment.id, "waste_budget", NO_RETRIES))
        self._remaining.give_up()
        return False

    async def _waited(self, candidate: Candidate) -> bool:
        """Wait until the head may be retried. False: its circuit opened meanwhile, and another candidate is left."""
        if (ends := self._retry_at.pop(candidate.deployment.id, None)) is None:
            return True
        others = self._remaining.others
        names = (candidate.deployment.id, candidate.deployment.credential) if others else ()
        while (left := ends - self._loop.time()) > 0:
            if others and (drop := await in_vain(candidate, self.dependencies)) is not None:
                self._remaining.requeue(drop, self.dependencies.cooldowns)
                return False
            await self.dependencies.waits.wait(left, names)
        return True

    async def _refreshed_key(self, deployment: Deployment, failure: ProviderFailure) -> bool:
        """True where the key was read again after a 401: once per credential and request."""
        if failure.kind is not FailureKind.AUTHENTICATION or deployment.credential in self._refreshed:
            return False
        self._refreshed.add(deployment.credential)
        return await self.dependencies.keys.refresh(deployment)

    def _share(self) -> float:
        """Seconds for an attempt on the head."""
        return self.deadline.share(behind=self._remaining.waiting, reserve=self.settings.candidate_reserve)

    @property
    def _room(self) -> bool:
        """True where one more attempt still leaves one for each candidate behind the head."""
        return self.settings.max_attempts - self.begun > len(self._remaining.behind)

    def _retry_wait(self, attempt: Attempt, failure: ProviderFailure) -> float | None:
        """Seconds before the same deployment is retried; None: it is not."""
        settings = self.settings
        tries = settings.tries_per_deployment if self._remaining.behind else settings.tries_on_last
        single = attempt.candidate.probe or attempt.candidate.last_resort
        if single or self._remaining.tries >= tries or not self._room:
            return None
        if failure.retry_after is not None:
            if failure.retry_after > settings.retry_after_max:
                return None
            wait = failure.retry_after + self.dependencies.rng.uniform(0, settings.backoff_base)
        else:
            most = min(settings.backoff_max, settings.backoff_base * 2 ** (self._remaining.tries - 1))
            wait = self.dependencies.rng.uniform(0, most)
        return wait if wait < self._share() else None
