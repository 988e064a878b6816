"""Deployments that are thought to be down are asked once nobody else is left."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ProvidersFailedError,
    RateLimitedError,
)
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.scripted import (
    SILENCE,
    AllKeys,
    Rig,
    ScriptedProvider,
    Step,
    config_of,
    deployment,
    fails,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually


async def open_circuits(r: Rig, *names: str) -> None:
    """Later openings last longer: the first name is the least bad."""
    for name in names:
        for _ in range(r.config.settings.circuit_failures):
            await r.circuits.failed(name)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("streaming", [False, True])
def test_healthy_deployments_behind_open_circuits_answer_when_the_usable_one_fails(streaming: bool) -> None:
    async def main() -> None:
        r = rig(*"abcde", scripts={"a": [fails(Kind.UNAVAILABLE)]})
        await open_circuits(r, "d", "b", "c", "e")
        result = (await read(r.router, question()))[1] if streaming else await r.router.complete(question())
        assert r.provider.asked == ["a", "a", "d"]
        assert result.provider == "openai:d"
        dropped = {drop.deployment: drop.code for drop in result.ledger.dropped}
        assert dropped == dict.fromkeys("bce", "circuit_open"), "who was asked is an attempt, not a drop"

    run_virtually(main())


def test_a_cooling_deployment_is_asked_when_the_others_have_failed() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"b": [fails(Kind.NOT_FOUND)]})
        r.cooldowns.cool("a", 30.0)
        assert (await r.router.complete(question())).provider == "openai:a"
        assert r.provider.asked == ["b", "a"]

    run_virtually(main())


def test_of_those_who_asked_to_be_left_alone_only_the_soonest_is_asked() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={name: [fails(Kind.RATE_LIMITED, retry_after=40.0)] for name in "abc"})
        r.cooldowns.cool("a", 30.0)
        r.cooldowns.cool("b", 20.0)
        r.cooldowns.cool("c", 25.0)
        with pytest.raises(RateLimitedError) as caught:
            await r.router.complete(question())
        assert r.provider.asked == ["b"]
        assert {drop.deployment: drop.code for drop in caught.value.ledger.dropped} == dict.fromkeys("ac", "cooling")

    run_virtually(main())


def test_each_last_resort_has_one_try_within_six_attempts() -> None:
    async def main() -> None:
        r = rig(*"abcdefg", scripts={name: [fails(Kind.UNAVAILABLE)] for name in "abcdefg"})
        await open_circuits(r, *"bcdefg")
        with pytest.raises(ProvidersFailedError) as caught:
            await r.router.complete(question())
        assert r.provider.asked == ["a", "b", "c", "d", "e", "f"], "a retry takes no attempt of a last resort either"
        assert [(drop.deployment, drop.code) for drop in caught.value.ledger.dropped] == [("g", "circuit_open")]

    run_virtually(main())


def test_no_last_resort_is_asked_without_a_key_with_a_refused_credential_or_beyond_its_rate() -> None:
    async def main() -> None:
        places = [deployment("a"), deployment("k"), deployment("r", rpm=1), deployment("c", credential="refused")]
        r = Rig(config_of(*places), ScriptedProvider({"a": [fails(Kind.NOT_FOUND)]}), keys=AllKeys(["k"]))
        await r.router.complete(question("r"))
        await open_circuits(r, "k", "r", "c")
        r.cooldowns.cool("refused", 60.0)
        with pytest.raises(ProvidersFailedError):
            await r.router.complete(question())
        assert r.provider.asked == ["r", "a"]

    run_virtually(main())


def test_last_resorts_take_no_time_from_those_before_them_and_leave_each_other_some() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={name: [SILENCE] for name in "abc"}, answer_timeout=25, candidate_reserve=5)
        await open_circuits(r, "b", "c")
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceededError):
            await r.router.complete(question(timeout=30.0))
        assert [call.deployment for call in r.provider.calls] == ["a", "b", "c"]
        assert [call.at - began for call in r.provider.calls] == pytest.approx([0.0, 25.0, 28.75])

    run_virtually(main())


def test_the_only_deployment_is_asked_while_another_request_probes_it() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [says("slow", wait=5), says("fine")]})
        await open_circuits(r, "a")
        await asyncio.sleep(5)
        probe = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(1)
        assert (await r.router.complete(question())).text == "fine"
        assert (await probe).text == "slow"

    run_virtually(main())


def test_a_last_resort_that_fails_neither_ends_anothers_probe_nor_keeps_its_circuit_open_for_longer() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [says("slow", wait=8), fails(Kind.UNAVAILABLE), says("fine")]})
        await open_circuits(r, "a")
        await asyncio.sleep(5)
        probe = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(1)
        with pytest.raises(ProvidersFailedError):
            await r.router.complete(question())
        await asyncio.sleep(6)
        assert not (await r.circuits.states(["a"]))["a"].probe_due, "one probe at a time"
        assert (await probe).text == "slow"
        assert await r.circuits.states(["a"]) == {}

    run_virtually(main())


def test_a_last_resort_whose_caller_leaves_does_not_end_anothers_probe() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [says("slow", wait=8), SILENCE]})
        await open_circuits(r, "a")
        await asyncio.sleep(5)
        probe = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(1)
        other = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(1)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        assert r.provider.asked == ["a", "a"]
        assert not (await r.circuits.states(["a"]))["a"].probe_due, "one probe at a time"
        assert (await probe).text == "slow"

    run_virtually(main())


def test_a_rejection_is_the_answer_although_a_deployment_that_is_down_was_asked_too() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.REJECTED, detail="wrong")], "b": [fails(Kind.UNAVAILABLE)]})
        await open_circuits(r, "b")
        with pytest.raises(InvalidRequestError) as caught:
            await r.router.complete(question())
        assert caught.value.detail == "wrong"
        assert r.provider.asked == ["a", "b"]

    run_virtually(main())


@pytest.mark.parametrize("outage", [60.0, 3600.0])
def test_the_primary_is_back_within_seconds_however_long_it_was_down(outage: float) -> None:
    async def main() -> None:
        down = Step((), 0.01, fails(Kind.UNAVAILABLE).failure)
        r = rig("a", "b", scripts={"a": [down]})
        clock = asyncio.get_running_loop()
        while clock.time() < outage:
            assert (await r.router.complete(question())).provider == "openai:b"
            await asyncio.sleep(1)
        r.provider.scripts["a"] = [says("back")]
        recovered = clock.time()
        while (await r.router.complete(question())).provider != "openai:a":
            await asyncio.sleep(0.5)
        assert clock.time() - recovered < r.config.settings.circuit_open_seconds + 1

    run_virtually(main())
