"""What many requests came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .recorded import Request
from .simulation import Outcome


@dataclass(frozen=True, slots=True)
class Summary:
    """Times in seconds, money in US dollars."""

    requests: int
    failures: int
    fallbacks: int
    attempts: int
    p50: float
    """Of answered requests, to the end of the answer."""
    p99: float
    p99_first_token: float | None
    """Of streams; None: there is none."""
    usd: float
    wasted_usd: float


def summary_of(outcomes: Sequence[Outcome]) -> Summary:
    """Sum up outcomes."""
    times = sorted(one.seconds for one in outcomes if one.answered)
    firsts = sorted(one.first_token_seconds for one in outcomes if one.first_token_seconds is not None)
    return Summary(
        requests=len(outcomes),
        failures=sum(not one.answered for one in outcomes),
        fallbacks=sum(one.fallback for one in outcomes),
        attempts=sum(one.attempts for one in outcomes),
        p50=_percentile(times, 0.5),
        p99=_percentile(times, 0.99),
        p99_first_token=_percentile(firsts, 0.99) if firsts else None,
        usd=round(math.fsum(one.cost_usd for one in outcomes), 9),
        wasted_usd=round(math.fsum(one.wasted_usd for one in outcomes), 9),
    )


def recorded_outcomes(requests: Sequence[Request]) -> list[Outcome]:
    """What really happened, as the log has it."""
    outcomes = []
    for one in requests:
        firsts = [a.started + a.first_token_seconds for a in one.attempts if a.first_token_seconds is not None]
        outcomes.append(
            Outcome(
                one.at,
                one.answered,
                one.seconds,
                min(firsts) if firsts and one.streamed else None,
                math.fsum(a.cost_usd or 0.0 for a in one.attempts),
                math.fsum(a.cost_usd or 0.0 for a in one.attempts if a.wasted),
                len(one.attempts),
                one.fallback,
            )
        )
    return outcomes


def usd_text(usd: float) -> str:
    """US dollars with as many digits as it takes to tell little from nothing."""
    return f"{usd:.4f}" if usd == 0 or usd >= 0.01 else f"{usd:.6f}"


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank; 0 of nothing."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3) if ordered else 0.0
