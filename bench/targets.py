"""What the gateway promises, as ratios within one run and a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from . import priorities, tails
from .numbers import Row, p99, ratios_added, ratios_circuit_open, ratios_discovery, ratios_rate, ratios_within
from .rounds import Round, Samples
from .startup import FRONT_DOOR, LITELLM, PACKAGE, PLAIN, PRIMED
from .systems import FLOOR, FORMATS, GATEWAY, PORTKEY, PROXY

TAIL = ("1 % of answers 20 times slower: p99 of the first token with hedging, against without", 0.5)
TAIL_COST = ("the same: what they cost", 1.02)
PRIORITY = ("answer p95 of interactive callers beside batch that fills its places, against alone", 1.10)
HEALTH_GAP = ("longest answer of /health beside hostile bodies, in ordinary requests of bare acompletion", 8.0)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one run has measured."""

    samples: Mapping[str, Samples]
    rows: Mapping[str, Row]
    package_starts: Mapping[str, list[float]]
    """Seconds by kind of start; empty where they were not measured."""
    tails: Sequence[tails.Round]
    priorities: Sequence[priorities.Round]
    health_gaps: list[float]
    """The longest answer of /health beside hostile bodies, against what an ordinary request costs bare acompletion; one
    for each round."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target and what came of it."""

    what: str
    at_most: float
    values: list[float]
    """One for each round or start; none where it was not measured in this run."""

    @property
    def value(self) -> float | None:
        return median(self.values) if self.values else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """The quartiles of the values: how far a busy machine alone moves them."""
        if len(self.values) < 2:
            return None
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def missed(self) -> bool:
        return self.value is not None and self.value > self.at_most


def verdicts(run: Run) -> list[Verdict]:
    """Every target, in the order in which they are promised."""
    return [Verdict(what, at_most, value(run)) for what, at_most, value in _TARGETS]


def _starts(mine: str, other: str) -> Callable[[Run], list[float]]:
    def ratio(run: Run) -> list[float]:
        one, two = run.package_starts.get(mine), run.package_starts.get(other)
        # Each pair was started one right after the other.
        return [a / b for a, b in zip(one, two, strict=True)] if one and two else []

    return ratio


def _front_door(run: Run) -> list[float]:
    return run.package_starts.get(FRONT_DOOR, [])


def _memory(mine: tuple[str, str], other: tuple[str, str]) -> Callable[[Run], list[float]]:
    """Of two memory readings, each a system and a moment."""

    def ratio(run: Run) -> list[float]:
        one, two = (run.rows.get(name, {}).get(f"memory_mb_{when}") for name, when in (mine, other))
        return [one / two] if one and two else []

    return ratio


def _chunk(one: Round) -> list[float]:
    return one.chunk


def _sequential(one: Round) -> list[float]:
    return one.sequential


_TARGETS: tuple[tuple[str, float, Callable[[Run], list[float]]], ...] = (
    ("start to ready: the package, against it without bytecode", 0.40, _starts(PACKAGE, PLAIN)),
    ("start to ready, primed, against `import litellm` alone", 1.6, _starts(PRIMED, LITELLM)),
    ("`import litellm_fallback_router`, seconds", 0.1, _front_door),
    (
        "added latency p50, against bare acompletion",
        0.35,
        lambda run: ratios_added(run.samples, GATEWAY, FLOOR, lambda one: one.sequential),
    ),
    (
        "the same where the provider is Anthropic",
        0.50,
        lambda run: ratios_added(run.samples, FORMATS, FLOOR, lambda one: one.anthropic, base=_sequential),
    ),
    (
        "the same where the provider is Bedrock",
        0.50,
        lambda run: ratios_added(run.samples, FORMATS, FLOOR, lambda one: one.bedrock, base=_sequential),
    ),
    (
        "/v1/messages natively, added latency p50, against chat completions",
        1.0,
        lambda run: ratios_within(
            run.samples, FORMATS, lambda one: one.messages, lambda one: one.beside_messages, _sequential
        ),
    ),
    (
        "/v1/messages natively, cost per streamed chunk, against chat completions",
        1.0,
        lambda run: ratios_within(
            run.samples, FORMATS, lambda one: one.message_chunk, lambda one: one.beside_message_chunk, _chunk
        ),
    ),
    (
        "added latency p50, against LiteLLM's proxy",
        0.40,
        lambda run: ratios_added(run.samples, GATEWAY, PROXY, lambda one: one.sequential),
    ),
    (
        "at concurrency 16: added latency p99, against bare acompletion",
        1.0,
        lambda run: ratios_added(run.samples, GATEWAY, FLOOR, lambda one: one.concurrent, of=p99),
    ),
    (
        "processor time of a request, against Portkey's gateway",
        1.0,
        lambda run: ratios_rate(run.samples, GATEWAY, PORTKEY),
    ),
    (
        "added time to first token, against bare acompletion",
        0.35,
        lambda run: ratios_added(run.samples, GATEWAY, FLOOR, lambda one: one.first_token),
    ),
    (
        "cost per streamed chunk, against bare acompletion",
        0.10,
        lambda run: ratios_added(run.samples, GATEWAY, FLOOR, lambda one: one.chunk),
    ),
    (
        "request with the primary's circuit open, against a healthy one",
        1.05,
        lambda run: ratios_circuit_open(run.samples, GATEWAY),
    ),
    (*TAIL, lambda run: tails.ratios_p99(run.tails)),
    (*TAIL_COST, lambda run: tails.ratios_cost(run.tails)),
    (*PRIORITY, lambda run: priorities.ratios(run.priorities)),
    (*HEALTH_GAP, lambda run: run.health_gaps),
    (
        "request that discovers a dead primary and tries it twice, against a healthy one",
        2.0,
        lambda run: ratios_discovery(run.samples, GATEWAY),
    ),
    ("memory after 5,000 requests, against after 500", 1.03, _memory((GATEWAY, "after_5000"), (GATEWAY, "after_500"))),
    ("resident memory when ready, against LiteLLM's proxy", 0.60, _memory((GATEWAY, "ready"), (PROXY, "ready"))),
)
