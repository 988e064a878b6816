"""A Provider that follows a script, and a Router around it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from litellm_fallback_router.adapters.memory import MemoryCircuits, MemoryRateLimits
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.cooldowns import Cooldowns
from litellm_fallback_router.routing.execution.latencies import ENOUGH, Latencies
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.interceptors import RouterDependencies
from litellm_fallback_router.routing.ledger import AttemptRecord, Usage
from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.ports import DearestPrices, Guard, ResponseCache
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import (
    ChatRequest,
    ChatResult,
    Chunk,
    Deployment,
    Message,
    ModelInfo,
    NativeRequest,
    ProviderAnswer,
)

FOREVER = 1e9
PRICED = ModelInfo(input_usd_per_token=1e-6, output_usd_per_token=1e-6)


@dataclass(frozen=True)
class Step:
    """What one call to a deployment does: wait, say `pieces`, then finish, fail or fall silent."""

    pieces: tuple[str, ...] = ("Paris ", "is ", "the ", "capital.")
    wait: float = 0.01
    failure: Exception | None = None
    """Raised after the pieces (a stream) or instead of an answer."""
    silent: bool = False
    """After the pieces nothing comes any more."""
    begins: Usage | None = None
    """What a stream says of its prompt before anything else."""
    deltas: tuple[dict[str, Any], ...] = ()
    """Sent before the pieces, as they are."""
    finish_reason: str = "stop"
    usage: Usage | None = field(default_factory=lambda: Usage(10, 5))
    choices: int = 1
    """Of a whole answer, all of them alike."""
    together: int = 1
    """Pieces of a stream that come at once."""


def says(text: str, *, wait: float = 0.01) -> Step:
    words = text.split(" ")
    return Step(pieces=(*tuple(w + " " for w in words[:-1]), words[-1]), wait=wait)


def fails(kind: FailureKind, *, retry_after: float | None = None, wait: float = 0.01, detail: str = "") -> Step:
    return Step((), wait, ProviderFailure(kind, kind.value, retry_after=retry_after, detail=detail))


def breaks(*pieces: str, deltas: tuple[dict[str, Any], ...] = ()) -> Step:
    return Step(pieces, failure=ProviderFailure(FailureKind.STREAM_BROKEN, "cut"), deltas=deltas)


SILENCE = Step((), wait=FOREVER)
CUT = breaks("The capital ", "of France")
"""A stream that ends in the middle of its sentence."""


@dataclass
class Call:
    deployment: str
    at: float
    messages: list[Message]
    params: Mapping[str, Any]
    native: NativeRequest | None = None


@dataclass
class ScriptedProvider:
    """Each deployment plays its steps in turn; the last one repeats. Without a script it answers."""

    scripts: dict[str, list[Step]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    counts: dict[str, int | Exception] = field(default_factory=dict)
    """What `count_tokens` gives, or raises."""
    counted: list[str] = field(default_factory=list)
    open_streams: int = 0
    closed: bool = False
    loads_for: float = 0.0
    """Seconds before it can be asked at all."""

    def _step(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None,
    ) -> Step:
        self.calls.append(Call(deployment.id, asyncio.get_running_loop().time(), messages, params, native))
        steps = self.scripts.get(deployment.id, [Step()])
        return steps.pop(0) if len(steps) > 1 else steps[0]

    async def ready(self) -> None:
        if self.loads_for:
            await asyncio.sleep(self.loads_for)

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        step = self._step(deployment, messages, params, native)
        await asyncio.sleep(step.wait)
        if step.failure is not None:
            raise step.failure
        if step.silent:
            await asyncio.sleep(FOREVER)
        message = {"role": "assistant", "content": "".join(step.pieces)}
        said = {"message": message, "finish_reason": step.finish_reason}
        choices = [{"index": index, **said} for index in range(step.choices)]
        return ProviderAnswer(choices, step.usage or Usage(estimated=True), cost_usd=0.001)

    async def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        step = self._step(deployment, messages, params, native)
        self.open_streams += 1
        try:
            await asyncio.sleep(step.wait)
            if step.begins is not None:
                yield (Chunk([], step.begins),)
            deltas = [*step.deltas, *({"content": piece} for piece in step.pieces)]
            told = [Chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
            if step.failure is None and not step.silent:
                told.append(Chunk([{"index": 0, "delta": {}, "finish_reason": step.finish_reason}]))
            for start in range(0, len(told), step.together):
                yield told[start : start + step.together]
            if step.failure is not None:
                raise step.failure
            if step.silent:
                await asyncio.sleep(FOREVER)
            if step.usage is not None:
                yield (Chunk([], step.usage, cost_usd=0.001),)
        finally:
            self.open_streams -= 1

    async def count_tokens(self, deployment: Deployment, native: NativeRequest) -> int:
        self.counted.append(deployment.id)
        count = self.counts.get(deployment.id, 42)
        if isinstance(count, Exception):
            raise count
        return count

    def dearest_prices(self, deployment: Deployment) -> DearestPrices | None:
        return DearestPrices(1e-6, 1e-6)

    async def aclose(self) -> None:
        self.closed = True

    @property
    def asked(self) -> list[str]:
        return [call.deployment for call in self.calls]


class AllKeys:
    def __init__(self, missing: Iterable[str] = (), *, fresher: bool = False) -> None:
        self._missing = set(missing)
        self._fresher = fresher

    def missing(self, deployment: Deployment) -> str | None:
        return "no key: set ITS_KEY" if deployment.id in self._missing else None

    async def refresh(self, deployment: Deployment) -> bool:
        return self._fresher


@dataclass
class Notes:
    """An Observer that remembers."""

    attempts: list[AttemptRecord] = field(default_factory=list)
    outcomes: list[ChatResult | RouterError] = field(default_factory=list)

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        self.attempts.append(attempt)

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        self.outcomes.append(outcome)


def deployment(name: str, **fields: Any) -> Deployment:
    known = {"provider": "openai", "model": name, "litellm_model": f"openai/{name}", "credential": f"key-{name}"}
    return Deployment(**{"id": name, "model_name": name, "info": PRICED, **known, **fields})


def config_of(*deployments: Deployment, **settings: Any) -> RouterConfig:
    names = tuple(dict.fromkeys(d.model_name for d in deployments))
    chains = {name: (name, *(n for n in names if n != name)) for name in names}
    return RouterConfig(deployments, chains, settings=RouterSettings(**settings))


@dataclass
class Rig:
    """A Router whose providers follow a script. Make it inside a running loop."""

    config: RouterConfig
    provider: ScriptedProvider
    notes: Notes = field(default_factory=Notes)
    keys: AllKeys = field(default_factory=AllKeys)
    guard: Guard | None = None
    cache: ResponseCache | None = None

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        settings = self.config.settings
        self.cooldowns = Cooldowns()
        self.latencies = Latencies()
        self.circuits = MemoryCircuits(
            failures=settings.circuit_failures,
            open_seconds=settings.circuit_open_seconds,
            probe_seconds=settings.deadline,
            clock=clock,
        )
        self.router = Router(
            self.config,
            RouterDependencies(
                provider=self.provider,
                keys=self.keys,
                circuits=self.circuits,
                rate_limits=MemoryRateLimits(clock=clock),
                observer=self.notes,
                cooldowns=self.cooldowns,
                latencies=self.latencies,
                rng=random.Random(7),
                guard=self.guard,
                cache=self.cache,
            ),
        )

    def learn(self, seconds: float, *names: str, streamed: Iterable[bool] = (True, False)) -> None:
        """The Router has seen enough answers of these deployments, each after so long, to know that as usual."""
        for name in names:
            for kind in streamed:
                for _ in range(ENOUGH):
                    self.latencies.note(name, seconds, streamed=kind)


def rig(*names: str, keys: AllKeys | None = None, scripts: dict[str, list[Step]] | None = None, **settings: Any) -> Rig:
    config = config_of(*(deployment(name) for name in names), **settings)
    return Rig(config, ScriptedProvider(scripts or {}), keys=keys or AllKeys())


def question(model: str = "a", **fields: Any) -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": "What is the capital of France?"}], **fields)


async def read(router: Router, request: ChatRequest) -> tuple[str, ChatResult]:
    """The text of a stream and what is known at its end."""
    async with router.stream(request) as stream:
        text = ""
        async for chunk in stream:
            text += "".join(choice["delta"].get("content") or "" for choice in chunk.choices)
        return text, stream.result
