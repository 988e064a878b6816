"""What a drill tells its operator besides who answered: keys, quotas, permissions, retirements, prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ..routing.failures import FailureKind
from ..routing.types import Deployment
from .hops import Hop

RETIRES_WITHIN = 90
"""Days before a model's retirement from which reports and `doctor` speak of it."""
Subject = Literal["key", "quota", "permission", "model", "answer", "retirement", "price"]
_SUBJECTS: Mapping[str, Subject] = {
    FailureKind.AUTHENTICATION.value: "key",
    "no_key": "key",
    "credential": "key",
    FailureKind.QUOTA_EXHAUSTED.value: "quota",
    FailureKind.RATE_LIMITED.value: "quota",
    FailureKind.PERMISSION.value: "permission",
    FailureKind.NOT_FOUND.value: "model",
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; None: unknown."""

    input: float | None
    output: float | None
    cached: float | None
    """A prompt token read from the provider's cache."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an operator should know of one deployment."""

    deployment: str
    subject: Subject
    text: str
    code: str = ""
    """Kind of the failure, or code of the drop."""


def prices_of(deployments: Iterable[Deployment]) -> dict[str, Price]:
    """List what the mapping and the price map say, by deployment."""
    return {
        one.id: Price(
            _per_million(one.info.input_usd_per_token),
            _per_million(one.info.output_usd_per_token),
            _per_million(one.info.cached_usd_per_token),
        )
        for one in deployments
    }


def findings_of(
    hops: Iterable[Hop],
    deployments: Iterable[Deployment],
    former_prices: Mapping[str, Price],
    today: date,
) -> list[Finding]:
    """List what is to be known, failures first, each once for a deployment.

    Args:
        hops: What was found.
        deployments: Those of the mapping that the drill looked at.
        former_prices: Of the report before; empty: there is none.
        today: For retirements.

    Returns:
        The findings.
    """
    looked_at = list(deployments)
    failures = [finding for hop in hops for finding in _failures(hop)]
    retirements = [finding for one in looked_at if (finding := _retirement(one, today)) is not None]
    prices = prices_of(looked_at)
    changes = [
        Finding(name, "price", f"{_text(former_prices[name])} before, {_text(price)} now")
        for name, price in prices.items()
        if name in former_prices and former_prices[name] != price
    ]
    return list(dict.fromkeys((*failures, *retirements, *changes)))


def _failures(hop: Hop) -> Iterator[Finding]:
    for answer in hop.answers:
        if answer.status == "failed":
            subject = _SUBJECTS.get(answer.code, "answer")
            # A key that is refused is refused whatever is asked; what else fails may depend on it.
            text = answer.reason if subject != "answer" else f"{answer.way}: {answer.reason}"
            yield Finding(hop.deployment, subject, text, answer.code)


def _retirement(deployment: Deployment, today: date) -> Finding | None:
    text = retirement_warning(deployment.info.retires_on, today)
    return Finding(deployment.id, "retirement", text) if text else None


def retirement_warning(retires_on: str | None, today: date) -> str:
    """Say that a model's retirement is near or past.

    Args:
        retires_on: ISO date; None: unknown.
        today: The day to count from.

    Returns:
        The warning and its fix; empty while the model has more than `RETIRES_WITHIN` days, or no known date.
    """
    if retires_on is None:
        return ""
    try:
        days = (date.fromisoformat(retires_on) - today).days
    except ValueError:
        return ""
    if days > RETIRES_WITHIN:
        return ""
    said = f"retires in {days} days ({retires_on})" if days >= 0 else f"its retirement date has passed ({retires_on})"
    return f"{said}: put a newer model into the mapping"


def _per_million(usd: float | None) -> float | None:
    return None if usd is None else round(usd * 1e6, 6)


def _text(price: Price) -> str:
    said = {"in": price.input, "out": price.output, "cached": price.cached}
    known = ", ".join(f"{value:g} {name}" for name, value in said.items() if value is not None)
    return f"{known or 'no price'} (USD for a million tokens)"
