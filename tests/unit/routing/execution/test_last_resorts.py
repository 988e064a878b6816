"""When all others have failed, which of the deployments with an open circuit or a Retry-After is tried."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import ProvidersFailedError, RouterError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.learnt import Learn, begun, cools, down, drained, refused
from tests.support.scripted import (
    SILENCE,
    fails,
    question,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize("learn", [down, cools])
def test_it_is_asked_all_the_same_when_the_others_have_failed(learn: Learn) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "c": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "c", "b"], "openai:b")
        assert result.ledger.dropped == ()

    run_virtually(main())


def test_of_several_with_a_new_retry_after_one_is_tried() -> None:
    async def main() -> None:
        r = rig(*"abcd", scripts={"a": [SILENCE], "d": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "b")
        await cools(r, "c")
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "d", "b"], "openai:b")
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("c", "cooling")]

    run_virtually(main())


def test_the_others_with_a_retry_after_are_not_tried_even_when_it_fails() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.NOT_FOUND)], "d": [fails(Kind.NOT_FOUND)]}
        r = rig(*"abcd", scripts=scripts, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "b")
        await cools(r, "c")
        with pytest.raises(ProvidersFailedError):
            await asked
        assert r.provider.asked == ["a", "d", "b"]

    run_virtually(main())


def test_a_cooling_deployment_is_tried_after_one_whose_circuit_is_open() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "b": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "c")
        assert (await asked).provider == "openai:c"
        assert r.provider.asked == ["a", "b", "c"]

    run_virtually(main())


@pytest.mark.parametrize("learn", [refused, drained])
def test_a_refused_or_drained_one_is_not_tried_even_when_all_others_have_failed(learn: Learn) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "c": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        with pytest.raises(ProvidersFailedError):
            await asked
        assert r.provider.asked == ["a", "c"]

    run_virtually(main())


@pytest.mark.parametrize("learn", [refused, drained])
def test_a_last_resort_is_not_tried_once_it_is_refused_or_drained(learn: Learn) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [SILENCE]}, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        with pytest.raises(RouterError):
            await asked
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_those_who_have_failed_once_are_asked_again_when_all_others_have_too() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.UNAVAILABLE), says("back")], "b": [fails(Kind.NOT_FOUND)]})
        await r.circuits.failed("a")
        await r.circuits.failed("a")
        result = await r.router.complete(question())
        assert (r.provider.asked, result.text) == (["a", "b", "a"], "back")
        assert result.ledger.dropped == ()

    run_virtually(main())


def test_a_last_resort_whose_circuit_has_closed_meanwhile_is_a_candidate_like_any_other() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE), says("at the second try")]}
        r = rig("a", "b", scripts=scripts, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await r.circuits.succeeded("b", seconds=0.0)
        assert (await asked).text == "at the second try"
        assert r.provider.asked == ["a", "b", "b"]

    run_virtually(main())


def test_a_last_resort_whose_probe_is_due_meanwhile_probes_for_the_others() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE)]}, answer_timeout=6.0)
        await down(r, "b")
        asked = begun(r)
        with pytest.raises(ProvidersFailedError):
            await asked
        assert not (await r.circuits.states(["b"]))["b"].probe_due, "it failed: the next probe is due later"

    run_virtually(main())
