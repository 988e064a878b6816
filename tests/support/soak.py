"""Many callers with little time against providers that fail in every way: how late is the latest answer?

    python -m tests.support.soak --callers 250 --seconds 60 --limit 4

Other programs on the machine make answers late as well. So what counts is not the wall clock alone: the time in which
this process could have run and was not let (Linux's schedstat) is taken off, and what it worked itself between a
request's deadline and its answer is told, which no other load makes more than somewhat longer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litellm_fallback_router.bootstrap import build_router, warm_up
from litellm_fallback_router.priming import prime
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl, simulator_process

TASKS = Path("/proc/self/task")
SAMPLE_SECONDS = 0.01
MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "bedrock": "us.amazon.nova-2-lite-v1:0"}
FAULTS = (
    (Fault(kind="silence"), 0.3),
    (Fault(kind="status", status=503), 0.1),
    (Fault(kind="status", status=429, retry_after="1"), 0.1),
    (Fault(kind="reset"), 0.1),
    (Fault(kind="cut", after_chunks=3), 0.05),
)


@dataclass(frozen=True, slots=True)
class Late:
    """An answer, an error or a stream's first token that came after its request's time limit. Times are seconds."""

    model: str
    outcome: str
    seconds: float
    """After the deadline, by the wall clock."""
    starved: float
    """Of them, those in which the process could have run and was not let."""
    worked: float
    """Of processor time that the process used meanwhile, for whatever request."""

    @property
    def own(self) -> float:
        """How late it would have been on an idle machine, about."""
        return self.seconds - self.starved


class Starvation:
    """What the process was kept from, and what it worked, at any moment since the start."""

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._values: list[tuple[float, float]] = []
        self._ended = threading.Event()

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        thread = threading.Thread(target=self._measure, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def between(self, start: float, end: float) -> tuple[float, float]:
        """Seconds starved and worked; of the moments measured those around the two."""
        before = self._values[max(0, bisect_right(self._moments, start) - 1)]
        after = self._values[min(len(self._values) - 1, bisect_right(self._moments, end))]
        return after[0] - before[0], after[1] - before[1]

    def _measure(self) -> None:
        # The event loop runs in the process's first thread.
        schedstat = TASKS / str(threading.main_thread().native_id) / "schedstat"
        while not self._ended.wait(SAMPLE_SECONDS):
            waited = int(schedstat.read_text().split()[1]) / 1e9
            self._values.append((waited, time.process_time()))
            self._moments.append(time.monotonic())


def mapping() -> Mapping[str, Any]:
    models = [
        {
            "model_name": provider,
            "litellm_provider": provider,
            "params": {"model": model, **({"region": "us-east-1"} if provider == "bedrock" else {})},
        }
        for provider, model in MODELS.items()
    ]
    names = list(MODELS)
    strategies = {f"from-{name}": names[index:] + names[:index] for index, name in enumerate(names)}
    settings = {"circuit_open_seconds": 0.5, "backoff_base": 0.05}
    return {"model_list": models, "strategies": strategies, "settings": settings}


class Soak:
    """Callers who ask one question after another, whole and streamed, each with a time limit."""

    def __init__(self, router: Router, limit: float) -> None:
        self._router = router
        self._limit = limit
        self._rng = random.Random(1)
        self.asked = 0
        self._ended: list[tuple[str, str, float, float]] = []

    async def run(self, callers: int, seconds: float) -> list[Late]:
        """All that came late, the latest last."""
        starvation = Starvation()
        with starvation.measured():
            until = time.monotonic() + seconds
            await asyncio.gather(*(self._call(until) for _ in range(callers)))
            await asyncio.sleep(5 * SAMPLE_SECONDS)
        late = [
            Late(model, outcome, end - deadline, *starvation.between(deadline, end))
            for model, outcome, deadline, end in self._ended
            if end > deadline
        ]
        return sorted(late, key=lambda one: one.own)

    async def _call(self, until: float) -> None:
        while time.monotonic() < until:
            model, streamed = self._rng.choice(list(mapping()["strategies"])), self._rng.random() < 0.5
            request = ChatRequest(model, [{"role": "user", "content": "hi"}], timeout=self._limit)
            deadline = time.monotonic() + self._limit
            outcome = "answered"
            try:
                if streamed:
                    await self._stream(request, deadline)
                    continue
                await self._router.complete(request)
            except RouterError as error:
                outcome = type(error).__name__
            self._end(model, outcome, deadline)

    async def _stream(self, request: ChatRequest, deadline: float) -> None:
        """The limit is for the first token."""
        async with self._router.stream(request) as stream:
            await stream.start()
            self._end(request.model, "began", deadline)
            with contextlib.suppress(RouterError):
                async for _ in stream:
                    pass

    def _end(self, model: str, outcome: str, deadline: float) -> None:
        self.asked += 1
        self._ended.append((model, outcome, deadline, time.monotonic()))


async def soak(simulator: SimulatorControl, callers: int, seconds: float, limit: float) -> tuple[int, list[Late]]:
    """Questions asked, and what came late."""
    settings = Settings(simulator_url=simulator.url)
    await asyncio.to_thread(_load, settings)
    for seed, (fault, probability) in enumerate(FAULTS):
        simulator.inject(fault, probability=probability, seed=seed)
    async with build_router(settings, mapping()) as router:
        run = Soak(router, limit)
        late = await run.run(callers, seconds)
    return run.asked, late


def _load(settings: Settings) -> None:
    warm_up()
    asyncio.run(prime(settings))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.soak", description=__doc__)
    parser.add_argument("--callers", type=int, default=250)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--limit", type=float, default=4.0)
    parser.add_argument("--most", type=float, default=0.5, help="seconds that an answer may be late")
    given = parser.parse_args()
    with simulator_process() as simulator:
        asked, late = asyncio.run(soak(simulator, given.callers, given.seconds, given.limit))
    said = f"{asked} questions of {given.callers} callers with {given.limit:g} s each; {len(late)} answers after that"
    lines = [said, "   late   starved     own   worked   outcome"]
    for one in reversed(late[-10:]):
        times = f"{one.seconds:7.3f} {one.starved:9.3f} {one.own:7.3f} {one.worked:8.3f}"
        lines.append(f"{times}   {one.outcome} ({one.model})")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(one.own > given.most for one in late) else 0


if __name__ == "__main__":
    sys.exit(main())
