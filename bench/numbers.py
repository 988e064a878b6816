"""From samples to numbers: what each system adds to a direct call, and how systems compare within each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median, quantiles

from .rounds import Round, Samples
from .systems import DIRECT

MS, US = 1e3, 1e6
Row = dict[str, float]


def rows(samples: Mapping[str, Samples], starts: Mapping[str, list[float]]) -> dict[str, Row]:
    """Every number of every system: latencies in ms, `chunk_us` in microseconds, memory in MB, starts in s.

    What does not apply is left out.
    """
    direct = samples[DIRECT].rounds
    return {name: _row(mine, direct, starts.get(name, [])) for name, mine in samples.items()}


def _row(mine: Samples, direct: list[Round], starts: list[float]) -> Row:
    row: Row = {}
    sequential = _added(mine.rounds, direct, lambda one: one.sequential)
    concurrent = _added(mine.rounds, direct, lambda one: one.concurrent)
    for name, values in (("added", sequential), ("added_16", concurrent)):
        row |= {f"{name}_p{share}_ms": _percentile(values, share) * MS for share in (50, 95, 99)}
    for name, read in (("anthropic", lambda one: one.anthropic), ("bedrock", lambda one: one.bedrock)):
        if mine.rounds[0].anthropic:
            row[f"{name}_p50_ms"] = median(_added(mine.rounds, direct, read, lambda one: one.sequential)) * MS
    if mine.rounds[0].messages:
        row["messages_p50_ms"] = (
            median(_added(mine.rounds, direct, lambda one: one.messages, lambda one: one.sequential)) * MS
        )
    row["first_token_ms"] = median(_added(mine.rounds, direct, lambda one: one.first_token)) * MS
    row["chunk_us"] = median(_added(mine.rounds, direct, lambda one: one.chunk)) * US
    if rates := [one.requests_per_cpu_second for one in mine.rounds if one.requests_per_cpu_second is not None]:
        row["requests_per_core_second"] = median(rates)
    if mine.discovery:
        base = median(s for one in direct for s in one.sequential)
        row["first_use_ms"] = (median(mine.first_use) - base) * MS
        row["discovery_ms"] = (median(mine.discovery) - base) * MS
        opened = _added(mine.rounds, direct, lambda one: one.circuit_open, lambda one: one.sequential)
        row["circuit_open_ms"] = median(opened) * MS
    row |= {f"memory_mb_{when.replace(' ', '_')}": value for when, value in mine.memory_mb.items()}
    if starts:
        row["ready_s"] = median(starts)
    return row


def ratios_added(
    samples: Mapping[str, Samples],
    mine: str,
    other: str,
    values: Callable[[Round], list[float]],
    *,
    base: Callable[[Round], list[float]] | None = None,
    of: Callable[[list[float]], float] = median,
) -> list[float]:
    """(mine - direct) / (other - direct) of each round, of the round's own medians; none where a system is missing.

    `base`: what a direct call took, where that is another measurement. `of`: instead of the median.
    """
    if mine not in samples or other not in samples:
        return []
    trios = zip(samples[mine].rounds, samples[other].rounds, samples[DIRECT].rounds, strict=True)
    return [
        (of(values(one)) - median((base or values)(direct))) / (of(values(two)) - median((base or values)(direct)))
        for one, two, direct in trios
    ]


def ratios_within(
    samples: Mapping[str, Samples],
    name: str,
    values: Callable[[Round], list[float]],
    other: Callable[[Round], list[float]],
    base: Callable[[Round], list[float]],
) -> list[float]:
    """What one kind of request adds to a direct call against what another adds, at the same system in each round."""
    if name not in samples:
        return []
    pairs = zip(samples[name].rounds, samples[DIRECT].rounds, strict=True)
    return [
        (median(values(one)) - median(base(direct))) / (median(other(one)) - median(base(direct)))
        for one, direct in pairs
    ]


def ratios_rate(samples: Mapping[str, Samples], mine: str, other: str) -> list[float]:
    """Processor time of a request of `mine` against one of the other's, in each round."""
    if mine not in samples or other not in samples:
        return []
    pairs = zip(samples[mine].rounds, samples[other].rounds, strict=True)
    return [
        two.requests_per_cpu_second / one.requests_per_cpu_second
        for one, two in pairs
        if one.requests_per_cpu_second and two.requests_per_cpu_second
    ]


def ratios_discovery(samples: Mapping[str, Samples], name: str) -> list[float]:
    """Each first request to a provider that is down against the healthy ones in turn with them."""
    healthy = median(samples[name].before_discovery)
    return [seconds / healthy for seconds in samples[name].discovery]


def p99(values: list[float]) -> float:
    return _percentile(values, 99)


def ratios_circuit_open(samples: Mapping[str, Samples], name: str) -> list[float]:
    """A request with the primary's circuit open against a healthy one, in each round."""
    return [median(one.circuit_open) / median(one.healthy) for one in samples[name].rounds]


def _added(
    mine: list[Round],
    direct: list[Round],
    values: Callable[[Round], list[float]],
    base: Callable[[Round], list[float]] | None = None,
) -> list[float]:
    """Every value less the median of the direct call in the same round."""
    base = base or values
    return [v - median(base(other)) for one, other in zip(mine, direct, strict=True) for v in values(one)]


def _percentile(values: list[float], share: int) -> float:
    return quantiles(values, n=100, method="inclusive")[share - 1]
