"""What a key may ask in a minute and at once is decided before anything else is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.accounts import Account, Accounts, Granted, Refusal, Reservation, Short, Slot
from litellm_fallback_router.routing.callers import CallerKey
from litellm_fallback_router.routing.errors import DeadlineExceededError, RateLimitedError, TooManyAtOnceError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ports import Source
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.routing.verdicts import Outcome, Verdict
from tests.support.budgeted import DOLLAR, Limited, asked, clock
from tests.support.cached import caching, taking_part
from tests.support.guards import MESSAGES, RuledGuard, guarded_rig
from tests.support.interceptors import WHOLE_AND_STREAMED
from tests.support.scripted import Rig, fails, question, read, says
from tests.support.virtual_time import run_virtually
from tests.unit.routing.interceptors.prompts.test_application import KeptPrompts, asking, routed, template

FORBIDDEN = [{"role": "user", "content": "forbidden fruit"}]
PARALLEL = pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])


def limited_by_key(r: Rig, accounts: Accounts | None = None) -> Router:
    """The rig's router, with accounts."""
    accounts = accounts or Accounts(LocalAccounts(clock=clock), ahead=False, clock=clock)
    return Router(r.config, replace(r.router._dependencies, accounts=accounts))


async def text_of(router: Router, request: ChatRequest, *, stream: bool) -> str:
    return (await read(router, request))[0] if stream else (await router.complete(request)).text


class Counting(Accounts):
    """Remembers the accounts of each reservation."""

    def __init__(self, store: LocalAccounts) -> None:
        super().__init__(store, ahead=False, clock=clock)
        self.asked: list[list[str]] = []

    async def reserve_all(self, wanted: Sequence[tuple[Account, int]]) -> list[Reservation] | Refusal:
        self.asked.append([account.name for account, _ in wanted])
        return await super().reserve_all(wanted)


@dataclass
class Changing(RuledGuard):
    """Lets everything pass at first."""

    lenient: bool = True

    async def check(self, source: Source, texts: Sequence[str]) -> Verdict:
        return Verdict(Outcome.PASSED, tuple(texts)) if self.lenient else await super().check(source, texts)


class Slow(LocalAccounts):
    """A store that takes three seconds."""

    async def open(
        self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool = False
    ) -> Granted | Short:
        await asyncio.sleep(3.0)
        return await super().open(slot, lease, amount, expires, whatever_is_left=whatever_is_left)


@WHOLE_AND_STREAMED
@PARALLEL
def test_a_key_over_its_rate_costs_no_call_of_the_guardrail(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        guard = RuledGuard()
        r = guarded_rig("a", guard=guard, providers={"a": "bedrock"}, parallel=parallel)
        router, request = limited_by_key(r), question(key=CallerKey("k", rpm=1))
        await text_of(router, request, stream=stream)
        checks = len(guard.asked)
        with pytest.raises(RateLimitedError, match="1 requests a minute"):
            await text_of(router, request, stream=stream)
        assert (len(guard.asked), r.provider.asked) == (checks, ["a"])

    run_virtually(main())


def test_a_key_over_its_rate_reads_no_prompt() -> None:
    async def main() -> None:
        prompts = KeptPrompts(template("The capital of {{land}}?"))
        router, r = routed(prompts, a=[says("Paris.")])
        accounts = Accounts(LocalAccounts(clock=clock), ahead=False, clock=clock)
        router = Router(router.config, replace(router._dependencies, accounts=accounts))
        request = asking("a", key=CallerKey("k", rpm=1))
        await router.complete(request)
        with pytest.raises(RateLimitedError):
            await router.complete(request)
        assert (len(prompts.asked), r.provider.asked) == (1, ["a"])

    run_virtually(main())


@WHOLE_AND_STREAMED
@PARALLEL
def test_a_blocked_request_counts_as_one_of_the_minute(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        r = guarded_rig("a", providers={"a": "bedrock"}, parallel=parallel)
        router, request = limited_by_key(r), replace(question(key=CallerKey("k", rpm=1)), messages=FORBIDDEN)
        assert await text_of(router, request, stream=stream) == MESSAGES["input"]
        with pytest.raises(RateLimitedError):
            await text_of(router, request, stream=stream)

    run_virtually(main())


@WHOLE_AND_STREAMED
@PARALLEL
def test_a_hit_of_the_cache_that_the_guardrail_blocks_counts_as_one_of_the_minute(stream: bool, parallel: bool) -> None:
    async def main() -> None:
        guard = Changing()
        r = caching(guarded_rig("a", guard=guard, providers={"a": "bedrock"}, parallel=parallel))
        router = limited_by_key(r)
        request = replace(taking_part(caller="k", key=CallerKey("k", rpm=2)), messages=FORBIDDEN)
        await text_of(router, request, stream=stream)
        guard.lenient = False
        assert await text_of(router, request, stream=stream) == MESSAGES["input"]
        with pytest.raises(RateLimitedError):
            await text_of(router, request, stream=stream)

    run_virtually(main())


def test_rates_are_reserved_at_once_and_once_for_a_request_whose_attempts_each_reserve_money() -> None:
    async def main() -> None:
        limited = Limited("a", "b", a=[fails(Kind.NOT_FOUND)])
        accounts = Counting(limited.store)
        router, key = (
            limited_by_key(limited.rig, accounts),
            CallerKey("k", rpm=9, tpm_in=999, tpm_out=999, max_usd=DOLLAR),
        )
        await router.complete(question(key=key, params={"max_tokens": 50}))
        assert accounts.asked == [["rpm#key#k", "tpm_in#key#k", "tpm_out#key#k"], ["usd#key#k"], ["usd#key#k"]]

    run_virtually(main())


def test_a_request_that_was_replaced_beside_its_first_attempt_reserves_its_rates_once() -> None:
    async def main() -> None:
        r = guarded_rig("a", providers={"a": "bedrock"}, parallel=True)
        accounts = Counting(LocalAccounts(clock=clock))
        masked = replace(question(key=CallerKey("k", rpm=1)), messages=[{"role": "user", "content": "I am a@b.com"}])
        await limited_by_key(r, accounts).complete(masked)
        assert len(accounts.asked) == 1
        assert r.provider.calls[-1].messages[-1]["content"] == "I am {EMAIL}"

    run_virtually(main())


def test_the_time_of_a_slow_store_is_taken_off_the_callers() -> None:
    async def main() -> None:
        limited = Limited("a", a=[says("late", wait=3.0)])
        router = limited_by_key(limited.rig, Accounts(Slow(clock=clock), ahead=False, clock=clock))
        with pytest.raises(DeadlineExceededError):
            await router.complete(question(key=CallerKey("k", rpm=1), timeout=5.0))

    run_virtually(main())


def test_requests_a_minute_of_a_key_are_counted_once_a_request_and_are_back_in_the_next_minute() -> None:
    async def main() -> None:
        limited, key = Limited("a", a=[fails(Kind.UNAVAILABLE), says("yes")]), CallerKey("k", rpm=2)
        for _ in range(2):
            await limited.router.complete(asked(key))
        with pytest.raises(RateLimitedError, match="2 requests a minute") as caught:
            await limited.router.complete(asked(key))
        assert caught.value.retry_after == pytest.approx(60 - clock() % 60)
        await asyncio.sleep(60.0)
        await limited.router.complete(asked(key))

    run_virtually(main())


@pytest.mark.parametrize(
    ("key", "named"),
    [(CallerKey("k", tpm_in=20), "prompt tokens"), (CallerKey("k", tpm_out=20), "completion tokens")],
)
def test_tokens_a_minute_of_a_key_count_as_they_were_used(key: CallerKey, named: str) -> None:
    async def main() -> None:
        limited = Limited("a")
        answered = 0
        with pytest.raises(RateLimitedError, match=named):
            for _ in range(10):
                await limited.router.complete(question(key=key, params={"max_tokens": 5}))
                answered += 1
        assert 1 <= answered <= 4

    run_virtually(main())


def test_requests_under_way_of_a_key_are_bounded_until_their_streams_end() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", concurrency=1)
        stream = limited.router.stream(asked(key))
        await stream.start()
        with pytest.raises(TooManyAtOnceError):
            await limited.router.complete(asked(key))
        await stream.aclose()
        await limited.accounts.flush()
        await limited.router.complete(asked(key))

    run_virtually(main())


def test_a_small_minute_of_completion_tokens_is_not_used_up_by_one_short_answer() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", tpm_out=500)
        for _ in range(5):
            await limited.router.complete(question(key=key))

    run_virtually(main())
