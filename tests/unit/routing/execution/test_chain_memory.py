"""What a request leaves to the next ones: cooldowns, refused credentials, open circuits and used-up rates."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import DeadlineExceededError, ProvidersFailedError, RateLimitedError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.scripted import (
    SILENCE,
    AllKeys,
    Rig,
    ScriptedProvider,
    config_of,
    deployment,
    fails,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually


def test_cools_a_deployment_that_asks_for_long() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.RATE_LIMITED, retry_after=30), says("back")]})
        await r.router.complete(question())
        await r.router.complete(question())
        assert r.provider.asked == ["a", "b", "b"]
        await asyncio.sleep(31)
        assert (await r.router.complete(question())).text == "back"

    run_virtually(main())


@pytest.mark.parametrize("kind", [Kind.QUOTA_EXHAUSTED, Kind.AUTHENTICATION])
def test_skips_every_deployment_on_a_refused_credential_and_remembers_it(kind: Kind) -> None:
    async def main() -> None:
        shared = config_of(deployment("a", credential="k"), deployment("b", credential="k"), deployment("c"))
        r = Rig(shared, ScriptedProvider({"a": [fails(kind)]}))
        result = await r.router.complete(question())
        assert r.provider.asked == ["a", "c"]
        assert [d.code for d in result.ledger.dropped] == ["credential"]
        await r.router.complete(question())
        assert r.provider.asked == ["a", "c", "c"]
        await asyncio.sleep(61)
        await r.router.complete(question())
        assert r.provider.asked[3] == "a"

    run_virtually(main())


def test_a_fresh_key_takes_no_attempt_of_a_candidate_behind_it_and_is_kept_for_the_next_request() -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.AUTHENTICATION), says("ok")]} | {n: [fails(Kind.NOT_FOUND)] for n in "bcde"}
        r = rig(*"abcdef", keys=AllKeys(fresher=True), scripts=scripts)
        assert (await r.router.complete(question())).provider == "openai:f"
        assert r.provider.asked == list("abcdef")
        assert (await r.router.complete(question())).provider == "openai:a"

    run_virtually(main())


def test_an_open_circuit_costs_no_attempt_and_closes_by_one_probe() -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.UNAVAILABLE)] * 4 + [says("back")]}
        r = rig("a", "b", scripts=scripts)
        for _ in range(3):
            await r.router.complete(question())
        assert r.provider.asked == ["a", "a", "b", "a", "b", "b"], "the third failure opened it: no retry, no attempt"
        await asyncio.sleep(5.1)
        await r.router.complete(question())
        assert r.provider.asked[6:] == ["a", "b"], "a probe has one try"
        await asyncio.sleep(5.1)
        answers = await asyncio.gather(*(r.router.complete(question()) for _ in range(10)))
        assert r.provider.asked[8:].count("a") == 1, "one probe at a time"
        assert [a.provider for a in answers].count("openai:a") == 1
        assert (await r.router.complete(question())).provider == "openai:a"

    run_virtually(main())


def test_asks_the_least_bad_when_every_circuit_is_open() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [fails(Kind.UNAVAILABLE)] * 3 + [says("back")]})
        with pytest.raises(ProvidersFailedError):
            await r.router.complete(question())
        assert (await r.router.complete(question())).text == "back"

    run_virtually(main())


def test_a_caller_that_leaves_releases_the_probe_and_is_recorded() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.UNAVAILABLE)] * 3 + [SILENCE, says("back")]})
        for _ in range(2):
            await r.router.complete(question())
        await asyncio.sleep(5.1)
        task = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert r.notes.attempts[-1].failure is Kind.CALLER_LEFT
        assert (await r.router.complete(question())).provider == "openai:a"

    run_virtually(main())


def test_passes_over_a_deployment_whose_minute_is_used_up() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=2), deployment("b")), ScriptedProvider())
        for _ in range(4):
            await r.router.complete(question())
        assert r.provider.asked == ["a", "a", "b", "b"]
        await asyncio.sleep(61)
        assert (await r.router.complete(question())).provider == "openai:a"

    run_virtually(main())


def test_out_of_rate_everywhere_is_a_429_that_says_when() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=1)), ScriptedProvider())
        await r.router.complete(question())
        with pytest.raises(RateLimitedError) as caught:
            await r.router.complete(question())
        assert caught.value.retry_after == pytest.approx(60, abs=1)

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hurried_caller_opens_no_circuit(streaming: bool) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [says("fine", wait=3)]})
        for _ in range(5):
            caller_timeout = question(timeout=0.01)
            with pytest.raises(DeadlineExceededError):
                await (read(r.router, caller_timeout) if streaming else r.router.complete(caller_timeout))
        assert (await r.router.complete(question())).provider == "openai:a"

    run_virtually(main())
