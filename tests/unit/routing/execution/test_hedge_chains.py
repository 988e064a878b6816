"""Each chain is hedged by its own rule, and has its own share of hedges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litellm_fallback_router.routing.mapping.settings import Hedge
from tests.support.hedged import SLOW, STREAMS, USUAL, asked, hedging, outcomes
from tests.support.scripted import Rig, says
from tests.support.virtual_time import run_virtually

RACED = [(1, "a", "hedged"), (2, "b", None)]
WAITED = [(1, "a", None)]


def chains(hedges: dict[str, Hedge | None], **settings: Any) -> Rig:
    """`a` is slow, and first in its own chain and in those of the strategies `s` and `t`."""
    scripts = {"a": [says("slow", wait=SLOW)], "b": [says("fast")]}
    r = hedging("a", "b", scripts=scripts, **settings)
    both = ("a", "b")
    config = replace(
        r.config, chains={**r.config.chains, "s": both, "t": both}, strategies=frozenset("st"), hedges=hedges
    )
    other = Rig(config, r.provider)
    usual(other)
    return other


def usual(r: Rig) -> None:
    """The deployments are usually fast."""
    for name in "ab":
        for streamed in (True, False):
            for _ in range(300):
                r.latencies.note(name, USUAL, streamed=streamed)


@STREAMS
def test_a_chain_is_hedged_where_the_others_are_not(streamed: bool) -> None:
    async def main() -> None:
        r = chains({"s": Hedge(at_most=1.0)})
        r = Rig(replace(r.config, settings=r.config.settings.model_copy(update={"hedge": None})), r.provider)
        usual(r)
        assert outcomes((await asked(r, streamed=streamed, model="a"))[1]) == WAITED
        assert outcomes((await asked(r, streamed=streamed, model="s"))[1]) == RACED

    run_virtually(main())


@STREAMS
def test_a_chain_is_left_out_where_the_others_are_hedged(streamed: bool) -> None:
    async def main() -> None:
        r = chains({"s": None})
        assert outcomes((await asked(r, streamed=streamed, model="s"))[1]) == WAITED
        assert outcomes((await asked(r, streamed=streamed, model="t"))[1]) == RACED

    run_virtually(main())


@STREAMS
def test_a_chain_spends_no_hedges_that_another_has_earned(streamed: bool) -> None:
    async def main() -> None:
        r = chains({"s": Hedge(at_most=0.5), "t": Hedge(at_most=0.5)})
        r.provider.scripts["a"] = [says("fast")]
        for _ in range(10):
            await asked(r, streamed=streamed, model="s")
        r.provider.scripts["a"] = [says("slow", wait=SLOW)]
        usual(r)
        seen = [outcomes((await asked(r, streamed=streamed, model=name))[1]) for name in ("t", "s", "t")]
        assert seen == [WAITED, RACED, RACED], "the first of t has earned only half a hedge"

    run_virtually(main())


@STREAMS
def test_a_chain_walks_without_retries_only_where_its_own_waste_budget_is_empty(streamed: bool) -> None:
    async def main() -> None:
        r = chains({}, waste_requests=0.004)  # a reserve of two for each chain, and of two for the provider
        seen = []
        for name in ("s", "s", "s", "t"):
            usual(r)
            seen.append(len((await asked(r, streamed=streamed, model=name))[1].attempts))
        assert seen == [2, 2, 1, 1], "the provider's tokens are one for all chains"

    run_virtually(main())
