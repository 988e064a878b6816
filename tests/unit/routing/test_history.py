"""What the log says of a request for a replay."""

from __future__ import annotations

import json

from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.routing.observe import history_of
from litellm_fallback_router.routing.types import RoutingConstraints
from tests.support.scripted import Step, fails, question, read, rig
from tests.support.virtual_time import run_virtually


def test_every_attempt_is_told_with_times_tokens_and_retry_after_and_nothing_that_was_said() -> None:
    async def asked() -> Ledger:
        slow = ProviderFailure(FailureKind.RATE_LIMITED, "429", status=429, retry_after=60.0)
        machine = rig("a", "b", scripts={"a": [Step((), failure=slow)]})
        _, result = await read(machine.router, question())
        return result.ledger

    ledger = run_virtually(asked())
    told = history_of(question(params={"tools": [{}], "max_tokens": 50}), ledger)["history"]
    assert {name: told[name] for name in ("streamed", "needs", "max_tokens")} == {
        "streamed": True,
        "needs": ["tools"],
        "max_tokens": 50,
    }
    first, second = told["attempts"]
    assert (first["deployment"], first["outcome"], first["retry_after"]) == ("a", "rate_limited", 60.0)
    assert (second["deployment"], second["outcome"], second["prompt_tokens"]) == ("b", "answered", 10)
    assert second["first_token_seconds"] > 0
    assert "Paris" not in json.dumps(told)
    assert "capital" not in json.dumps(told)


def test_a_request_that_was_never_sent_has_no_attempts() -> None:
    async def asked() -> Ledger:
        machine = rig("a", scripts={"a": [fails(FailureKind.NOT_FOUND)]})
        try:
            await machine.router.complete(question())
        except Exception as error:  # noqa: BLE001 - its ledger is what is looked at
            return error.ledger  # type: ignore[attr-defined, no-any-return]
        raise AssertionError("it answered")

    ledger = run_virtually(asked())
    assert history_of(question(), ledger)["history"]["attempts"][0]["outcome"] == "not_found"
    assert history_of(question(), Ledger())["history"] == {"streamed": False}


def test_what_narrows_a_request_is_told_and_nothing_else_that_its_caller_wrote_there() -> None:
    narrow = RoutingConstraints(
        providers=("openai", "A prompt"), regions=("eu-*", "tell me"), fallback=False, explain=True
    )
    told = history_of(question(constraints=narrow), Ledger())["history"]
    assert told["router"] == {"fallback": False, "providers": ["openai"], "regions": ["eu-*"]}
