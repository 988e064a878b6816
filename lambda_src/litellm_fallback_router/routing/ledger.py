"""What happened to a request: each attempt with its tokens and cost, and the deployments left out. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .failures import FailureKind
from .verdicts import GuardRecord


def rounded_usd(usd: float) -> float:
    """To a billionth of a dollar: below that there is only the noise of adding floats."""
    return round(usd, 9)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them, or as we estimated them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Part of `prompt_tokens` read from the provider's cache."""
    reasoning_tokens: int = 0
    """Part of `completion_tokens` spent on thinking."""
    estimated: bool = False
    """True where the provider never said."""

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated or other.estimated,
        )

    def to_openai(self) -> dict[str, Any]:
        """OpenAI's `usage` object."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One line of the ledger: one request to one deployment."""

    deployment: str
    provider: str
    model: str
    region: str | None
    number: int
    """1 for the first attempt of the request."""
    started: float
    """Seconds after the request's start."""
    seconds: float
    """From sending to the outcome."""
    first_token_seconds: float | None
    """From sending to the first token; None where none came."""
    failure: FailureKind | None
    """None: it answered."""
    status: int | None
    """The provider's HTTP status, where there was one."""
    reason: str
    """Why it failed, fit for a caller's eyes: never a prompt, an answer or a key."""
    usage: Usage | None
    cost_usd: float | None
    """USD of the tokens this attempt burnt, whether or not they were of use."""
    wasted: bool
    """True where those tokens bought nothing the caller got."""
    adjusted: tuple[str, ...] = ()
    """Wishes dropped or clamped for this candidate: `seed dropped`, `temperature clamped to 1.0`."""
    resumed: bool = False
    """True where it continued a stream that had broken elsewhere."""
    retry_after: float | None = None
    """Seconds the provider asked us to wait; None where it did not say."""

    def to_json(self) -> dict[str, Any]:
        """The attempt as `/ask`, `explain` and the log show it."""
        return {
            "number": self.number,
            "deployment": self.deployment,
            "provider": self.provider,
            "model": self.model,
            "region": self.region,
            "outcome": self.failure.value if self.failure else "answered",
            "status": self.status,
            "reason": self.reason,
            "started": round(self.started, 3),
            "seconds": round(self.seconds, 3),
            "first_token_seconds": None if self.first_token_seconds is None else round(self.first_token_seconds, 3),
            "usage": None if self.usage is None else {**self.usage.to_openai(), "estimated": self.usage.estimated},
            "cost_usd": None if self.cost_usd is None else rounded_usd(self.cost_usd),
            "wasted": self.wasted,
            "adjusted": list(self.adjusted),
            "resumed": self.resumed,
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """A deployment that was not asked, or not again, with the reason."""

    deployment: str
    code: str
    """`no_key`, `drained`, `circuit_open`, `cooling`, `silent`, `returning`, `busy`, `rpm`, `credential`, `narrowed`;
    `budget` where what it may cost is more than is left; where nobody knows what it may cost and a budget pays,
    `budget_tools` for tools that its provider runs and `no_price` for a model without a price; `max_attempts` and
    `deadline` where those before it used up the attempts or the time; `waste_budget` where it failed and retries are
    used up. Or what the request needs and the deployment cannot give: `tools`, `functions` (the older form), `images`,
    `content` (another kind of
    content part), `json_schema`, `n`, `logprobs`, `stop`, `audio` (speech), `web_search`, `moderation`,
    `context`, `native` (what only the API has in whose format the caller asks)."""
    reason: str
    retry_after: float | None = None
    """Seconds until the reason is known to end."""
    param: str | None = None
    """The field of the request that it is about, where it is one."""

    def to_json(self) -> dict[str, Any]:
        return {"deployment": self.deployment, "code": self.code, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class CacheLost:
    """A provider's prompt cache that could not be used, since another deployment answered."""

    deployment: str
    """Where it is."""
    tokens: int
    """Of the prompt, that are cached there and not where the answer came from."""
    usd: float | None
    """What reading them from the cache would have saved there: an estimate. None: no price is known."""

    def to_json(self) -> dict[str, Any]:
        usd = None if self.usd is None else rounded_usd(self.usd)
        return {"deployment": self.deployment, "tokens": self.tokens, "usd": usd, "estimated": True}


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """What the response cache did for a request that takes part in it."""

    outcome: Literal["hit", "miss", "bypass"]
    """`hit`: the answer is an earlier one; `miss`: there was none; `bypass`: there can be none for this request."""
    age: float | None = None
    """Seconds since the answer of a hit was given."""
    stored: bool = False
    """True where the answer is given again from now on."""
    reason: str = ""
    """Why not, where the cache itself decided so."""

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"outcome": self.outcome}
        if self.outcome == "hit":
            told["age"] = None if self.age is None else int(self.age)
        if self.outcome == "miss":
            told["stored"] = self.stored
        return told | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that happened to one request."""

    attempts: tuple[AttemptRecord, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    seconds: float = 0.0
    guardrail: GuardRecord | None = None
    """None: the mapping has no guardrail."""
    cache_lost: CacheLost | None = None
    cache: CacheRecord | None = None
    """None: the request takes no part in the response cache."""
    streamed: bool = False
    """True: a stream was asked for."""

    @property
    def cost_usd(self) -> float | None:
        """USD of everything that was attempted; None where no price is known."""
        known = [a.cost_usd for a in self.attempts if a.cost_usd is not None]
        if not self.attempts and self.cache is not None and self.cache.outcome == "hit":
            return 0.0
        return rounded_usd(sum(known)) if known else None

    @property
    def wasted_usd(self) -> float:
        """USD burnt on attempts that bought the caller nothing."""
        return rounded_usd(sum(a.cost_usd or 0.0 for a in self.attempts if a.wasted))

    def to_json(self) -> dict[str, Any]:
        return {
            "attempts": [a.to_json() for a in self.attempts],
            "dropped": [d.to_json() for d in self.dropped],
            "seconds": round(self.seconds, 3),
            "cost_usd": self.cost_usd,
            "wasted_usd": self.wasted_usd,
            **({} if self.guardrail is None else {"guardrail": self.guardrail.to_json()}),
            **({} if self.cache is None else {"cache": self.cache.to_json()}),
            **({} if self.cache_lost is None else {"cache_lost": self.cache_lost.to_json()}),
        }


def costs_of(ledger: Ledger) -> dict[str, float | None]:
    """What the operator's log says of the cost."""
    lost = {} if ledger.cache_lost is None else {"cache_lost_usd": ledger.cache_lost.usd}
    return {"cost_usd": ledger.cost_usd, "wasted_usd": ledger.wasted_usd, **lost}


def cache_facts(ledger: Ledger) -> dict[str, Any]:
    """What the operator's log says of the response cache."""
    return {} if ledger.cache is None else {"cache": ledger.cache.to_json()}


def guardrail_facts(ledger: Ledger) -> dict[str, Any]:
    """What the operator's log says of the guardrail: with the policies that intervened, never what they matched."""
    record = ledger.guardrail
    if record is None:
        return {}
    facts = {**record.to_json(), "policies": list(record.reasons), "unreachable": record.unreachable}
    return {"guardrail": {name: value for name, value in facts.items() if value not in (None, "", [])}}
