"""Batch requests that wait for a place in the process: behind interactive ones, in a bounded number, for a bounded
time; in virtual time, and over sockets."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from litellm_fallback_router.api.admission import Admission
from litellm_fallback_router.api.auth import ApiKeys
from litellm_fallback_router.api.waiting import MOST_WAITING, READ_AHEAD
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from tests.support.virtual_time import run_virtually, tasks_left
from tests.unit.api.by_hand import PATH, Priorities, scope_of
from tests.unit.api.fakes import CONFIG, FakeRouter, gateway, text_chunk

BATCH, INTERACTIVE = "batch-key", "interactive-key"
FIVE = {"max_concurrent": 5, "batch_share": 0.6}
"""Three of five places are for batch requests."""


class Caller:
    """What one caller sends."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = deque(bodies or (b"{}",))
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        if self.bodies:
            return {"type": "http.request", "body": self.bodies.popleft(), "more_body": bool(self.bodies)}
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Process:
    """Answers each request in so many seconds, and remembers in which order they were taken."""

    def __init__(self, **settings: Any) -> None:
        self.admission = Admission(self, ApiKeys((), Priorities()))
        self.settings = {**FIVE, **settings}
        self.order: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.waited: dict[str, float] = {}
        self.statuses: dict[str, int] = {}
        self.retry_after: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        name = scope["name"]
        self.order.append(name)
        self.waited[name] = scope["state"].get("waited", 0.0)
        more, self.bodies[name] = True, b""
        while more:
            message = await receive()
            self.bodies[name] += message["body"]
            more = message["more_body"]
        await asyncio.sleep(scope["seconds"])
        self.statuses[name] = 200

    async def ask(
        self,
        name: str,
        *,
        key: str = BATCH,
        seconds: float = 10.0,
        caller: Caller | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        scope = scope_of(key=key, **self.settings)
        scope = {**scope, "headers": [*scope["headers"], *headers], "name": name, "seconds": seconds}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[name] = message["status"]
                self.retry_after[name] = dict(message["headers"])[b"retry-after"].decode()

        await self.admission(scope, (caller or Caller()).receive, send)

    def start(self, *names: str, **how: Any) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(self.ask(name, **how)) for name in names]


def now() -> float:
    return asyncio.get_running_loop().time()


def test_interactive_requests_are_taken_while_batch_requests_wait() -> None:
    async def main() -> None:
        process = Process(queue_seconds=60.0)
        asked = process.start("b0", "b1", "b2", "b3", "b4")
        await asyncio.sleep(1)
        asked += process.start("i0", "i1", key=INTERACTIVE, seconds=20.0)
        await asyncio.sleep(1)
        assert process.order == ["b0", "b1", "b2", "i0", "i1"]
        await process.ask("i2", key=INTERACTIVE)
        assert (process.statuses["i2"], now()) == (503, 2.0), "all five are taken; it is refused at once, as ever"
        await asyncio.sleep(9)
        assert process.order[5:] == ["b3"], "three batch requests have ended, and two interactive ones are left"
        asked += process.start("i3", "i4", key=INTERACTIVE, seconds=20.0)
        await asyncio.gather(*asked)
        assert process.order[5:] == ["b3", "i3", "i4", "b4"], "a free place was for whoever is interactive"
        assert set(process.statuses.values()) == {200, 503}
        assert not tasks_left()

    run_virtually(main())


def test_those_that_wait_are_taken_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        process = Process(queue_seconds=60.0)
        asked = process.start(*(f"b{number}" for number in range(9)))
        await asyncio.gather(*asked)
        assert process.order == [f"b{number}" for number in range(9)]
        assert [process.waited[f"b{number}"] for number in (0, 3, 6)] == [0.0, 10.0, 20.0]

    run_virtually(main())


def test_a_batch_request_waits_so_long_and_is_refused_then() -> None:
    async def main() -> None:
        process = Process(queue_seconds=4.0)
        held = process.start("b0", "b1", "b2", seconds=60.0)
        await asyncio.sleep(0)
        await process.ask("b3")
        assert now() == pytest.approx(4.0)
        assert (process.statuses["b3"], process.retry_after["b3"]) == (503, "1")
        assert "b3" not in process.order
        await asyncio.gather(*held)
        assert process.admission.under_way == process.admission._places.waiting == 0

    run_virtually(main())


@pytest.mark.parametrize(("size", "most"), [(2, 2), (0, 0), (10_000, MOST_WAITING)])
def test_more_than_so_many_do_not_wait_at_all(size: int, most: int) -> None:
    async def main() -> None:
        process = Process(queue_size=size)
        process.start("b0", "b1", "b2", seconds=600.0)
        waiting = process.start(*(f"w{number}" for number in range(most)))
        await asyncio.sleep(0)
        await process.ask("one too many")
        assert (process.statuses["one too many"], now()) == (503, 0.0)
        await asyncio.gather(*waiting)
        assert [process.statuses[f"w{number}"] for number in range(most)] == [503] * most

    run_virtually(main())


@pytest.mark.parametrize("header", [b"x-router-timeout-ms", b"x-stainless-read-timeout"])
def test_a_batch_request_waits_for_no_longer_than_half_of_what_its_caller_waits(header: bytes) -> None:
    async def main() -> None:
        process = Process(queue_seconds=60.0)
        process.start("b0", "b1", "b2", seconds=600.0)
        await asyncio.sleep(0)
        sent = b"3000" if b"ms" in header else b"3.5"  # of which 0.35 s are the head start that an answer needs
        await process.ask("b3", headers=((header, sent),))
        assert process.statuses["b3"] == 503
        assert now() == pytest.approx(1.5, abs=0.1)

    run_virtually(main())


def test_requests_that_wait_count_for_their_key() -> None:
    async def main() -> None:
        process = Process(max_concurrent_per_key=4, queue_seconds=60.0)
        asked = process.start("b0", "b1", "b2", "b3")
        await asyncio.sleep(0)
        await process.ask("b4")
        assert (process.statuses["b4"], now()) == (429, 0.0)
        await asyncio.gather(*asked)
        assert not process.admission._places._by_caller

    run_virtually(main())


def test_a_caller_that_leaves_while_its_request_waits_is_no_longer_waited_for() -> None:
    async def main() -> None:
        process, leaving = Process(queue_seconds=60.0), Caller()
        held = process.start("b0", "b1", "b2")
        (gone,) = process.start("gone", caller=leaving)
        behind = process.start("behind")
        await asyncio.sleep(1)
        leaving.gone.set()
        with pytest.raises(ClientDisconnect):
            await gone
        assert (now(), process.admission._places.waiting) == (1.0, 1)
        await asyncio.gather(*held, *behind)
        assert process.order == ["b0", "b1", "b2", "behind"]
        assert process.admission.under_way == 0
        assert not process.admission._places._by_caller
        assert not tasks_left()

    run_virtually(main())


@pytest.mark.parametrize("how", ["cancelled", "gone"])
def test_a_request_that_ends_at_the_moment_of_its_turn_leaves_its_place_to_the_next(how: str) -> None:
    async def main() -> None:
        process, leaving = Process(queue_seconds=60.0), Caller()
        held = process.start("b0", "b1", "b2")
        (ends,) = process.start("ends", caller=leaving)
        behind = process.start("behind", seconds=1.0)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1)
        place = process.admission._places._waiting[0]
        assert place.turn is not None
        place.turn.add_done_callback(lambda _: ends.cancel() if how == "cancelled" else leaving.gone.set())
        await asyncio.gather(*held)
        await asyncio.gather(ends, return_exceptions=True)
        await asyncio.gather(*behind)
        assert loop.time() <= 21.0
        assert process.statuses["behind"] == 200
        assert process.admission.under_way == process.admission._places.waiting == 0
        assert not tasks_left()

    run_virtually(main())


def test_what_was_read_while_a_request_waited_is_read_again_by_whoever_answers_it() -> None:
    async def main() -> None:
        process, half = Process(queue_seconds=60.0), b"x" * (READ_AHEAD // 2)
        caller = Caller(half, b"y" + half, b"z", b"end")
        asked = process.start("b0", "b1", "b2")
        asked += process.start("large", caller=caller)
        await asyncio.sleep(1)
        assert list(caller.bodies) == [b"z", b"end"], "no more is read than is needed to see that a caller leaves"
        await asyncio.gather(*asked)
        assert process.bodies["large"] == half + b"y" + half + b"zend"

    run_virtually(main())


def test_over_sockets_a_batch_request_is_answered_once_another_has_ended_and_one_whose_caller_left_is_not() -> None:
    router = FakeRouter(replace(CONFIG, settings=RouterSettings(max_concurrent=5, batch_share=0.6, queue_seconds=60.0)))
    router.chunks, router.pauses = [text_chunk("Pa"), text_chunk("ris.")], (0.0, 60.0)
    stream = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}], "stream": True}

    def begun(client: httpx.Client, key: str, held: ExitStack) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return held.enter_context(client.stream("POST", PATH, json=stream, headers=headers)).status_code

    answered: list[int] = []

    def wait(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client, ExitStack() as held:
            answered.append(begun(client, BATCH, held))

    with gateway(router, caller_keys=Priorities()) as url, httpx.Client(base_url=url, timeout=20) as client:
        held = ExitStack()
        assert [begun(client, BATCH, held) for _ in range(3)] == [200] * 3
        with pytest.raises(httpx.ReadTimeout):
            client.post(PATH, json=stream, headers={"authorization": f"Bearer {BATCH}"}, timeout=0.3)
        waiting = threading.Thread(target=wait, args=(url,))
        waiting.start()
        assert begun(client, INTERACTIVE, held) == 200, "an interactive one does not wait"
        assert (len(router.asked), answered) == (4, [])
        held.close()
        waiting.join(timeout=20)
        assert answered == [200]
        assert len(router.asked) == 5, "what nobody waits for any more was not asked"
