"""A Router that races late answers, and what its ledgers say."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.routing.mapping.settings import Hedge
from tests.support.scripted import Rig, Step, question, read, rig

USUAL = 0.2
"""Seconds: what a deployment's recent answers took, so its 95th percentile."""
SLOW = 4.0
STREAMS = pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])


def hedging(*names: str, scripts: dict[str, list[Step]], at_most: float = 1.0, **settings: Any) -> Rig:
    """A Router that knows how long its deployments usually take, and may hedge each request."""
    r = rig(*names, scripts=scripts, hedge=Hedge(at_most=at_most), **settings)
    r.learn(USUAL, *names)
    return r


async def asked(r: Rig, *, streamed: bool, model: str = "a", **fields: Any) -> tuple[str, Ledger]:
    if streamed:
        text, result = await read(r.router, question(model, **fields))
        return text, result.ledger
    result = await r.router.complete(question(model, **fields))
    return result.text, result.ledger


def outcomes(ledger: Ledger) -> list[tuple[int, str, str | None]]:
    return [(one.number, one.deployment, one.failure and one.failure.value) for one in ledger.attempts]
