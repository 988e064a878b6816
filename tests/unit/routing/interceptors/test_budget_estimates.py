"""An attempt that was sent, and of which nobody said what it cost: the budget pays the ledger's estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.callers import NANO, CallerKey
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.latencies import ENOUGH
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.routing.mapping.settings import Hedge
from tests.support.budgeted import DOLLAR, Limited, asked
from tests.support.scripted import FOREVER, SILENCE, Step, fails, read, says
from tests.support.virtual_time import run_virtually

SLOW = says("Paris.", wait=5.0)
ENDS: Mapping[str, tuple[list[Step], dict[str, Any], Kind]] = {
    "no answer in time": ([SILENCE], {}, Kind.TIMEOUT),
    "a timeout on the wire": ([fails(Kind.TIMEOUT)], {}, Kind.TIMEOUT),
    "beaten by a hedge": ([SLOW], {"hedge": Hedge(at_most=1.0)}, Kind.HEDGED),
}


async def ledger_of(limited: Limited, key: CallerKey, *, streamed: bool) -> Ledger:
    with suppress(RouterError):
        if streamed:
            await read(limited.router, asked(key))
        else:
            await limited.router.complete(asked(key))
    return limited.rig.notes.outcomes[-1].ledger


@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("steps", "settings", "kind"), ENDS.values(), ids=ENDS.keys())
def test_what_timed_out_or_lost_a_race_costs_its_estimate(
    steps: list[Step], settings: dict[str, Any], kind: Kind, streamed: bool
) -> None:
    async def main() -> None:
        limited, key = Limited("a", "b", a=steps), CallerKey("k", max_usd=DOLLAR)
        config = limited.rig.config
        limited.router.config = replace(config, settings=config.settings.model_copy(update=settings))
        for _ in range(ENOUGH):
            limited.rig.latencies.note("a", 0.1, streamed=streamed)
        ledger = await ledger_of(limited, key, streamed=streamed)
        wasted, answered = ledger.attempts
        assert (wasted.failure, answered.failure) == (kind, None)
        assert wasted.wasted
        assert wasted.usage is not None
        assert wasted.usage.estimated
        assert wasted.usage.prompt_tokens > 0
        assert await limited.spent("key#k", DOLLAR) == sum(round((a.cost_usd or 0) * NANO) for a in ledger.attempts)
        assert (wasted.cost_usd or 0) > 0

    run_virtually(main())


@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])
def test_what_its_caller_left_before_its_first_token_costs_its_estimate(streamed: bool) -> None:
    async def main() -> None:
        limited, key = Limited("a", a=[Step((), wait=FOREVER)]), CallerKey("k", max_usd=DOLLAR)
        asking = asyncio.ensure_future(ledger_of(limited, key, streamed=streamed))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.wait({asking})
        (left,) = limited.rig.notes.outcomes[-1].ledger.attempts
        assert (left.failure, left.wasted) == (Kind.CALLER_LEFT, True)
        assert await limited.spent("key#k", DOLLAR) == round((left.cost_usd or 0) * NANO) > 0

    run_virtually(main())


@pytest.mark.parametrize("kind", [Kind.CONNECTION, Kind.UNAVAILABLE, Kind.RATE_LIMITED])
def test_what_got_no_response_or_a_refusal_costs_nothing(kind: Kind) -> None:
    async def main() -> None:
        limited, key = Limited("a", a=[fails(kind)]), CallerKey("k", max_usd=DOLLAR)
        ledger = await ledger_of(limited, key, streamed=True)
        assert {attempt.failure for attempt in ledger.attempts} == {kind}
        assert [attempt.cost_usd for attempt in ledger.attempts] == [None] * len(ledger.attempts)
        assert await limited.spent("key#k", DOLLAR) == 0

    run_virtually(main())
