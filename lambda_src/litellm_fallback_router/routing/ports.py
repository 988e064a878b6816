"""What the domain needs from outside, as Protocols."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .callers import KeyEntry
from .errors import RouterError
from .ledger import AttemptRecord
from .types import ChatRequest, ChatResult, Chunk, Deployment, Message, NativeRequest, ProviderAnswer

if TYPE_CHECKING:
    from .accounts import Balance, Granted, Short, Slot, SpendLine
    from .interceptors import PromptTemplate
    from .observe import Sample
    from .request import Picture
    from .verdicts import Verdict

Source = Literal["input", "output"]
"""What a guardrail is asked about: what a caller sends, or what a provider answers."""


@dataclass(frozen=True, slots=True)
class DearestPrices:
    """The most that a token can cost at a deployment, in USD."""

    prompt: float
    completion: float


class Provider(Protocol):
    """Asks one deployment once. Every failure is a `ProviderFailure`; anything else is a bug.

    With `native` the deployment is sent that, and the answer is given in its format too; messages and parameters only
    say what it is about. The execution owns time: it cancels a call that takes too long, and closes a stream that
    it no longer needs.
    """

    async def ready(self) -> None:
        """Wait for what a process's first call has to wait for. Does nothing once that is there."""
        ...

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        """Ask for a whole answer."""
        ...

    def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """Ask for a stream: each time, the chunks that have come together. It ends normally only after a finish reason
        that the provider really sent; before that it raises `ProviderFailure` (STREAM_BROKEN once it had begun)."""
        ...

    async def count_tokens(self, deployment: Deployment, native: NativeRequest) -> int:
        """Ask how many tokens a request in Anthropic's format is. Only for deployments that speak it."""
        ...

    def dearest_prices(self, deployment: Deployment) -> DearestPrices | None:
        """The most that tokens of any kind cost there; None where the price is unknown."""
        ...

    async def aclose(self) -> None:
        """Let go of pooled connections."""
        ...


class Keys(Protocol):
    """The providers' keys."""

    def missing(self, deployment: Deployment) -> str | None:
        """Why this deployment has no usable key, with the fix; None: it has one."""
        ...

    async def refresh(self, deployment: Deployment) -> bool:
        """Read the key afresh after a 401. False: there is nowhere fresher to read it from."""
        ...


@dataclass(frozen=True, slots=True)
class CircuitState:
    """A deployment's circuit as the planner sees it."""

    open: bool = False
    probe_due: bool = False
    """Open, but one request may now try whether it has recovered."""
    retry_after: float = 0.0
    """Seconds until a probe is due."""
    drained: bool = False
    """Opened by an operator: no request and no probe is sent until the operator closes it again."""


CLOSED = CircuitState()


class Circuits(Protocol):
    """Keeps which deployments are down. Fails open: trouble of its own never stops a request."""

    async def states(self, deployments: Iterable[str]) -> Mapping[str, CircuitState]:
        """State of each; one that is missing is closed."""
        ...

    async def acquire_probe(self, deployment: str) -> bool:
        """True for exactly one caller while a probe is due."""
        ...

    async def succeeded(self, deployment: str, *, seconds: float) -> None:
        """Close its circuit after an answer that was asked for so many seconds ago. One that was asked for before the
        circuit opened, or before the failures that are about to open it, says nothing of the deployment as it is now:
        a long stream may end well while every new request fails."""
        ...

    async def failed(self, deployment: str, *, probe: bool = False) -> bool:
        """True where this failure has opened its circuit. `probe`: the attempt was the probe that `acquire_probe`
        allowed; any other, such as one sent before the circuit opened, leaves an open circuit and its probe alone."""
        ...

    async def released(self, deployment: str) -> None:
        """A probe ended without a verdict (the caller left, or the request itself was wrong)."""
        ...


class RateLimits(Protocol):
    """Requests a minute per deployment."""

    async def left(self, deployments: Iterable[Deployment]) -> Mapping[str, int]:
        """Requests left in this minute, by id, for deployments that have an `rpm`."""
        ...

    async def take(self, deployment: Deployment, *, keep: int = 0) -> bool:
        """Count one request. False: the minute is used up but for `keep` requests, do not send it."""
        ...

    def retry_after(self, deployment: Deployment, *, keep: int = 0) -> float:
        """Seconds until a request is left again, besides `keep`."""
        ...


class AccountStore(Protocol):
    """Where all processes keep what is left of their accounts. Each call is atomic, and may be repeated: a lease is
    opened once and closed once, however often that is asked. Raises StoreLostError where it cannot be reached in time;
    then it is unknown whether it was done."""

    async def open(
        self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool = False
    ) -> Granted | Short:
        """Take `amount` off what is left, for the lease of that id. `expires`: Unix seconds. A slot that is not there
        yet is full; another limit than it was opened with changes what is left by the difference. Where too little is
        left, leases that have lapsed are given back first.

        `whatever_is_left`: take it although there may not be so much.
        """
        ...

    async def close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        """Add what was spent of the lease of that `amount`, by detail, and give back the rest. A lease that is not
        open changes nothing."""
        ...

    async def add(self, slot: Slot, amount: int) -> None:
        """Raise what is left in this period alone. Not repeatable."""
        ...

    async def balance(self, slot: Slot, now: float) -> Balance:
        """What is spent, held and left. `now`: Unix seconds."""
        ...


class SpendLog(Protocol):
    """Keeps what callers have spent. Raises StoreLostError where it cannot be reached in time."""

    async def add(self, batch: str, lines: Sequence[SpendLine]) -> None:
        """Add the lines to those of the same day, caller and model. A batch may be repeated until it is done: what was
        added already is not added again."""
        ...

    async def read(self, first: str, last: str) -> list[SpendLine]:
        """All lines from the first day to the last, both included, in order. An operator's work, never a request's."""
        ...


class Prompts(Protocol):
    """Managed prompts, read and kept."""

    async def get(self, identifier: str, version: str) -> PromptTemplate:
        """The prompt with this id or ARN; `version` is a number or `DRAFT`.

        Raises InvalidRequestError where there is no such prompt or version, UnavailableError where it cannot be read
        and was not before.
        """
        ...


class Guard(Protocol):
    """Gives a guardrail's verdict. It is asked for `MAX_CHARACTERS` at most, and cancelled where the request's time is
    over; that the guardrail itself takes too long is for it to say."""

    async def check(self, source: Source, texts: Sequence[str]) -> Verdict:
        """One verdict on all of `texts`. Raises GuardUnreachableError."""
        ...

    async def check_pictures(self, source: Source, pictures: Sequence[Picture]) -> Verdict:
        """One verdict on `MOST_PICTURES` at most: passed, blocked, or unchecked where it does not look at pictures.

        Raises GuardUnreachableError.
        """
        ...


class Samples(Protocol):
    """Keeps some answers of fallbacks for evaluations. Must not raise and must not block."""

    def offer(self, sample: Sample) -> None:
        """Keep the sample, or lose it where there is no room."""
        ...

    def close(self) -> None:
        """Keep what is still in memory. May block for seconds."""
        ...


class ResponseStore(Protocol):
    """Keeps what callers may go on from, for a while."""

    async def get(self, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those of the records that are there. Raises UnavailableError where they cannot be read."""
        ...

    async def put(self, records: Mapping[str, bytes]) -> bool:
        """True once all are kept. Trouble of its own is a False."""
        ...


class CallerKeys(Protocol):
    """The keys that may call this gateway."""

    def find(self, key_hash: str) -> KeyEntry | None:
        """The key with this SHA-256 in hexadecimal digits, expired and revoked ones too; None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a `ResponseCache` has under a key."""

    entry: bytes = field(repr=False)
    age: float
    """Seconds since it was put there."""


class ResponseCache(Protocol):
    """Keeps answers to requests, for a while. Trouble of its own is no answer: it never stops a request, and delays it
    for a moment at most."""

    async def get(self, key: str) -> KeptAnswer | None:
        """What is kept under the key; None: nothing, or nothing that is still to be given, or nobody can tell."""
        ...

    async def put(self, key: str, entry: bytes) -> bool:
        """True once it is kept."""
        ...


class Observer(Protocol):
    """Receives what happened. Must not raise and must not block."""

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        """An attempt ended: answered, failed or cancelled."""
        ...

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        """A request ended."""
        ...
