"""Who was not asked is named with the reason, and nobody is said to have failed who was not asked."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import (
    ContextWindowExceededError,
    DeadlineExceededError,
    InvalidRequestError,
    ProvidersFailedError,
    RateLimitedError,
    RouterError,
    StreamInterruptedError,
)
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.scripted import (
    SILENCE,
    AllKeys,
    Rig,
    ScriptedProvider,
    breaks,
    config_of,
    deployment,
    fails,
    question,
    read,
    rig,
)
from tests.support.virtual_time import run_virtually


async def failure(r: Rig, *, streaming: bool = False, timeout: float | None = None) -> RouterError:
    asked = question(timeout=timeout)
    with pytest.raises(RouterError) as caught:
        await (read(r.router, asked) if streaming else r.router.complete(asked))
    return caught.value


def unasked(error: RouterError) -> dict[str, str]:
    return {drop.deployment: drop.code for drop in error.ledger.dropped}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        (Kind.UNAVAILABLE, ProvidersFailedError, "all 2 deployments that were asked failed: "),
        (Kind.REJECTED, InvalidRequestError, "all 2 deployments that were asked rejected the request: "),
        (Kind.RATE_LIMITED, RateLimitedError, "all 2 deployments that were asked had no rate left: "),
        (Kind.TOO_LARGE, ContextWindowExceededError, "larger than the window of all 2 deployments that were asked: "),
    ],
)
def test_whom_the_attempts_did_not_reach_is_named(
    streaming: bool, kind: Kind, error: type[RouterError], said: str
) -> None:
    async def main() -> None:
        r = rig(*"abcd", scripts={name: [fails(kind)] for name in "abcd"}, max_attempts=2)
        caught = await failure(r, streaming=streaming)
        assert r.provider.asked == ["a", "b"]
        assert type(caught) is error
        assert unasked(caught) == {"c": "max_attempts", "d": "max_attempts"}
        assert said in str(caught)
        assert "every candidate" not in str(caught)
        assert "d not asked (2 attempts were made before its turn (`max_attempts`))" in str(caught)

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_whom_the_time_did_not_reach_is_named(streaming: bool) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={name: [SILENCE] for name in "abc"}, candidate_reserve=0)
        await asyncio.sleep(7.0)  # requests count their time from their own beginning
        caught = await failure(r, streaming=streaming, timeout=5.0)
        assert r.provider.asked == ["a"]
        assert type(caught) is DeadlineExceededError
        assert unasked(caught) == {"b": "deadline", "c": "deadline"}
        assert caught.ledger.seconds == pytest.approx(5.0)
        assert "no answer within 5.0 s: a: no " in str(caught)
        assert "b not asked (the request's time was over before its turn)" in str(caught)

    run_virtually(main())


def test_when_the_time_is_over_before_anybody_was_asked_all_are_named() -> None:
    async def main() -> None:
        r = rig("a", "b")
        r.provider.loads_for = 9.0
        caught = await failure(r, timeout=2.0)
        assert type(caught) is DeadlineExceededError
        assert unasked(caught) == {"a": "deadline", "b": "deadline"}

    run_virtually(main())


def test_an_interrupted_stream_names_them_too() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={name: [breaks("Par")] for name in "abc"}, max_attempts=2)
        caught = await failure(r, streaming=True)
        assert type(caught) is StreamInterruptedError
        assert unasked(caught) == {"c": "max_attempts"}
        assert "could not be continued (no attempt is left)" in str(caught)

    run_virtually(main())


def test_who_answers_leaves_those_behind_unnamed() -> None:
    async def main() -> None:
        r = rig(*"abc", max_attempts=1)
        assert (await r.router.complete(question())).ledger.dropped == ()

    run_virtually(main())


def test_a_deployment_without_a_key_has_not_failed() -> None:
    async def main() -> None:
        r = rig("a", "b", keys=AllKeys(["b"]), scripts={"a": [fails(Kind.NOT_FOUND)]})
        caught = await failure(r)
        assert str(caught).startswith("the only deployment that was asked failed: a: not_found")
        assert "b not asked (no key: set ITS_KEY)" in str(caught)

    run_virtually(main())


def test_every_candidate_has_failed_when_all_were_asked() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={name: [fails(Kind.NOT_FOUND)] for name in "ab"})
        assert str(await failure(r)).startswith("every candidate failed: a: not_found")

    run_virtually(main())


def test_who_is_out_of_its_rate_unasked_is_said_to_be_so_and_no_other() -> None:
    async def main() -> None:
        places = [deployment("a", rpm=1), deployment("b", info=ModelInfo())]
        r = Rig(config_of(*places), ScriptedProvider(), keys=AllKeys(["b"]))
        await r.router.complete(question())
        caught = await failure(r)
        assert type(caught) is RateLimitedError
        assert str(caught).startswith("no deployment that could be asked has any of its rate left: ")

    run_virtually(main())
