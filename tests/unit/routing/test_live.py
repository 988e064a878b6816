"""What those who look are shown: the last requests, new ones as they end, and no more than fits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.observe import LiveObserver, TooManyViewersError
from litellm_fallback_router.routing.observe.live import KEPT, MOST_VIEWERS, WAITING
from tests.support.scripted import Rig, fails, question, rig, says
from tests.support.virtual_time import run_virtually


def looked_at(r: Rig) -> LiveObserver:
    live = LiveObserver(r.notes, clock=lambda: 1_800_000_000.0)
    r.router._dependencies = replace(r.router._dependencies, observer=live, live=live)
    return live


def taken(queue: asyncio.Queue[dict[str, Any] | None]) -> list[dict[str, Any] | None]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def test_a_viewer_sees_what_was_and_what_comes_and_nothing_of_what_was_said() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [says("early"), fails(Kind.NOT_FOUND)]})
        live = looked_at(r)
        await r.router.complete(question(caller="key-1"))
        with live.viewer() as queue:
            await r.router.complete(question(caller="key-1"))
            seen = [event for event in taken(queue) if event is not None]
        assert [event["event"] for event in seen] == ["request", "attempt", "attempt", "request"]
        assert [a["deployment"] for a in seen[-1]["ledger"]["attempts"]] == ["a", "b"]
        assert (seen[-1]["fallback"], seen[-1]["status"], seen[-1]["caller"]) == (True, 200, "key-1")
        assert "France" not in repr(seen)
        assert "early" not in repr(seen)
        assert (live.last_failure("a") or {})["kind"] == "not_found"
        assert live.totals["requests"] == 2
        assert live.totals["by_caller"] == {"key-1": live.totals["usd"]}
        assert len(r.notes.outcomes) == 2, "and it is passed on"

    run_virtually(main())


def test_a_slow_viewer_loses_the_oldest_and_the_past_is_bounded() -> None:
    async def main() -> None:
        r = rig("a")
        live = looked_at(r)
        for _ in range(KEPT + 10):
            await r.router.complete(question())
        with live.viewer() as queue:
            assert queue.qsize() == KEPT
            for _ in range(WAITING):
                await r.router.complete(question(model="a"))
            assert queue.qsize() == WAITING

    run_virtually(main())


def test_more_viewers_than_there_is_room_for_are_refused_and_all_are_told_of_the_end() -> None:
    async def main() -> None:
        live = looked_at(rig("a"))
        held = [live.viewer() for _ in range(MOST_VIEWERS)]
        queues = [one.__enter__() for one in held]
        with pytest.raises(TooManyViewersError), live.viewer():
            pass
        live.close()
        assert [taken(queue) for queue in queues] == [[None]] * MOST_VIEWERS
        for one in held:
            one.__exit__(None, None, None)
        with live.viewer() as late:
            assert taken(late) == [None]

    run_virtually(main())


def test_the_status_of_a_deployment_says_why_it_is_not_asked() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.UNAVAILABLE)]}, circuit_failures=1)
        looked_at(r)
        try:
            await r.router.complete(question())
        except RouterError:
            pytest.fail("b answers")
        status = {one["id"]: one for one in await r.router.status()}
        assert status["a"]["state"] == "circuit_open"
        assert "a probe is due" in status["a"]["reason"]
        assert status["a"]["last_failure"]["kind"] == "unavailable"
        assert (status["b"]["state"], status["b"]["last_failure"]) == ("ready", None)
        assert status["b"]["answer"] > 0

    run_virtually(main())
