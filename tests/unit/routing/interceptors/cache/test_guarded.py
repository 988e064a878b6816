"""A cache beside a guardrail: what is given again was checked, and is checked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.ledger import CacheRecord
from litellm_fallback_router.routing.types import ChatRequest
from tests.support.cached import EITHER, MISS, TAKES_PART, ask, caching
from tests.support.guards import MESSAGES, RuledGuard, guarded_rig
from tests.support.scripted import Rig, Step, says
from tests.support.virtual_time import run_virtually

PARALLEL = pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])


def guarded(guard: RuledGuard | None = None, *, parallel: bool, **scripts: list[Step]) -> Rig:
    return caching(guarded_rig("a", guard=guard, scripts=scripts, providers={"a": "bedrock"}, parallel=parallel))


@PARALLEL
@EITHER
def test_a_hit_has_passed_the_guardrail_and_passes_it_again(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        guard = RuledGuard()
        r = guarded(guard, parallel=parallel)
        await ask(r, stream=stream)
        guard.asked.clear()
        text, result = await ask(r, stream=stream)
        assert (text, result.ledger.attempts) == ("Paris is the capital.", ())
        assert set(guard.sources()) == {"input", "output"}
        assert result.ledger.guardrail is not None
        assert str(result.ledger.guardrail.outcome) == "passed"

    run_virtually(main())


@PARALLEL
@EITHER
def test_a_masked_request_is_looked_up_as_it_is_sent(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        r = guarded(parallel=parallel)
        mine = ChatRequest("a", [{"role": "user", "content": "I am me@example.com"}], constraints=TAKES_PART)
        yours = replace(mine, messages=[{"role": "user", "content": "I am you@example.com"}])
        assert (await ask(r, mine, stream=stream))[1].cache == MISS
        _, result = await ask(r, yours, stream=stream)
        assert result.cache is not None
        assert result.cache.outcome == "hit"
        # What ran beside the guardrail was asked with what it masks.
        said = [call.messages[-1]["content"] for call in r.provider.calls]
        beside = ["I am me@example.com"] * parallel, ["I am you@example.com"] * parallel
        assert said == [*beside[0], "I am {EMAIL}", *beside[1]]

    run_virtually(main())


@PARALLEL
@EITHER
def test_what_the_guardrail_changed_or_did_not_check_is_not_kept(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        r = guarded(parallel=parallel, a=[says("Mail me@example.com.")])
        for _ in range(2):
            text, result = await ask(r, stream=stream)
            assert (text, result.cache and result.cache.stored) == ("Mail {EMAIL}.", False)
        r = guarded(parallel=parallel, a=[says("Eat of the forbidden fruit.")])
        for _ in range(2):
            text, result = await ask(r, stream=stream)
            assert (text, result.cache and result.cache.stored) == (MESSAGES["output"], False)
        open_ = guarded_rig("a", guard=RuledGuard(unreachable=True), on_unreachable="fail_open")
        r = caching(open_)
        assert (await ask(r, stream=stream))[1].cache == replace(
            CacheRecord("miss"), reason="the guardrail changed it, or did not check it"
        )

    run_virtually(main())


@EITHER
def test_a_kept_answer_that_the_guardrail_now_blocks_is_blocked(stream: bool) -> None:
    async def main() -> None:
        class Stricter(RuledGuard):
            strict = False

            async def check(self, source: Any, texts: Sequence[str]) -> Any:
                if self.strict and source == "output":
                    texts = ["forbidden fruit"]
                return await super().check(source, texts)

        guard = Stricter()
        r = guarded(guard, parallel=False)
        assert (await ask(r, stream=stream))[1].cache == MISS
        guard.strict = True
        text, result = await ask(r, stream=stream)
        assert (text, result.deployment.id) == (MESSAGES["output"], "a")
        assert len(r.provider.asked) == 1

    run_virtually(main())
