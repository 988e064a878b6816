"""How many requests are taken at once, over sockets; and that each is given back, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
from starlette.types import Message, Receive, Scope, Send

from litellm_fallback_router.api.admission import Admission
from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.api.auth import ApiKeys
from litellm_fallback_router.routing.errors import ProvidersFailedError
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from tests.support.waiting import wait_until
from tests.unit.api.by_hand import PATH, Answers, Priorities, receive, scope_of
from tests.unit.api.fakes import CONFIG, FakeRouter, as_router, gateway, text_chunk

QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**QUESTION, "stream": True}
SETTINGS = RouterSettings(max_concurrent=5, max_concurrent_per_key=3)
KEYS = ("first-key", "second-key", "third-key")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeRouter, str]]:
    fake = FakeRouter(replace(CONFIG, settings=SETTINGS))
    with gateway(fake, api_keys=KEYS) as url:
        yield fake, url


@pytest.fixture
def http(served: tuple[FakeRouter, str], router: FakeRouter) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {KEYS[0]}"}
    with httpx.Client(base_url=served[1], timeout=20, headers=headers) as client:
        yield client
        # Whatever a test left behind must be given back before the next one, as well.
        wait_until(lambda: takes(client, KEYS[0], SETTINGS.max_concurrent_per_key))


def takes(http: httpx.Client, key: str, count: int) -> bool:
    """Whether so many streams of `key` are answered at once. Leaves none behind."""
    with ExitStack() as held:
        return all(opened(http, key, held).status_code == 200 for _ in range(count))


def opened(http: httpx.Client, key: str, held: ExitStack) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return held.enter_context(http.stream("POST", PATH, json=STREAM, headers=headers))


def hold(router: FakeRouter) -> None:
    """Streams begin and do not end."""
    router.chunks = [text_chunk("Pa"), text_chunk("ris.")]
    router.pauses = (0.0, 60.0)


def test_a_key_at_its_limit_is_refused_at_once_and_the_others_are_not(http: httpx.Client, router: FakeRouter) -> None:
    hold(router)
    with ExitStack() as held:
        assert [opened(http, KEYS[0], held).status_code for _ in range(3)] == [200] * 3
        refused = http.post(PATH, json=STREAM)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert "x-should-retry" not in refused.headers
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "too_many_requests_at_once")
        assert "max_concurrent_per_key" in error["message"]
        assert opened(http, KEYS[1], held).status_code == 200
        assert len(router.asked) == 4


def test_all_keys_together_have_a_limit(http: httpx.Client, router: FakeRouter) -> None:
    hold(router)
    with ExitStack() as held:
        assert [opened(http, key, held).status_code for key in (KEYS[0], KEYS[0], KEYS[1], KEYS[1], KEYS[2])] == [
            200
        ] * 5
        refused = http.post(PATH, json=QUESTION)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["code"] == "gateway_busy"
        assert http.get("/health").status_code == 200
        assert http.head("/health").status_code == 200


def test_the_official_client_raises_its_rate_limit_error(
    served: tuple[FakeRouter, str], http: httpx.Client, router: FakeRouter
) -> None:
    hold(router)
    with ExitStack() as held:
        for _ in range(3):
            opened(http, KEYS[0], held)
        with (
            openai.OpenAI(base_url=f"{served[1]}/v1", api_key=KEYS[0], max_retries=0) as client,
            pytest.raises(openai.RateLimitError) as caught,
        ):
            client.models.list()
    assert caught.value.code == "too_many_requests_at_once"


def test_wrong_keys_take_nothing_from_right_ones(http: httpx.Client, router: FakeRouter) -> None:
    for number in range(10):
        assert http.post(PATH, json=QUESTION, headers={"authorization": f"Bearer wrong{number}"}).status_code == 401
    assert http.post(PATH, json=QUESTION).status_code == 200


ENDS: dict[str, dict[str, Any]] = {
    "answered": {},
    "refused": {"failure": ProvidersFailedError("all failed")},
    "a bug": {"failure": RuntimeError("bug")},
    "stream broken": {"broken": ProvidersFailedError("all failed")},
    "bug in a stream": {"broken": RuntimeError("bug")},
}


@pytest.mark.parametrize("body", [QUESTION, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS.keys())
def test_a_request_that_has_ended_counts_no_more(
    http: httpx.Client, router: FakeRouter, script: dict[str, Any], body: dict[str, Any]
) -> None:
    for name, value in script.items():
        setattr(router, name, value)
    statuses = {http.post(PATH, json=body).status_code for _ in range(10)}
    assert statuses <= {200, 500, 502}
    router.reset()


@pytest.mark.parametrize("body", [QUESTION, STREAM], ids=["whole", "stream"])
def test_a_caller_who_left_counts_no_more(http: httpx.Client, router: FakeRouter, body: dict[str, Any]) -> None:
    router.delay = 60.0
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            http.post(PATH, json=body, timeout=httpx.Timeout(20, read=0.3))
    router.reset()
    wait_until(lambda: http.post(PATH, json=QUESTION).status_code == 200)


def test_a_caller_who_left_inside_its_body_counts_no_more(http: httpx.Client, router: FakeRouter) -> None:
    def broken_off() -> Iterator[bytes]:
        yield b"{"
        raise ConnectionAbortedError

    for _ in range(3):
        with pytest.raises(ConnectionAbortedError):
            http.post(PATH, content=broken_off())
    wait_until(lambda: http.post(PATH, json=QUESTION).status_code == 200)


# Driven by hand: what a server would do to a request


@pytest.fixture
async def answers() -> Answers:
    return Answers(*KEYS)


@pytest.mark.parametrize("ending", ["answer", "error", "cancel"])
async def test_nothing_is_left_of_a_request_however_it_ends(answers: Answers, ending: str) -> None:
    tasks = [answers.ask(scope_of(key=KEYS[0])) for _ in range(3)]
    await asyncio.sleep(0)
    assert answers.admission.under_way == 3
    if ending == "cancel":
        for task in tasks:
            task.cancel()
    answers.failure = RuntimeError("bug") if ending == "error" else None
    answers.end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert answers.admission.under_way == 0
    assert not answers.admission._places._by_caller, "callers that are gone are not remembered"


async def test_a_place_is_free_before_its_caller_has_the_last_of_the_answer() -> None:
    """Or a caller that asks again at once would be refused by its own last request."""
    under_way: list[int] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more_body in (True, False):
            await send({"type": "http.response.body", "body": b"-", "more_body": more_body})

    async def send(message: Message) -> None:
        under_way.append(admission.under_way)

    admission = Admission(answer, ApiKeys(KEYS))
    await admission(scope_of(key=KEYS[0]), receive, send)
    assert under_way == [1, 1, 0]
    assert admission.under_way == 0


async def test_callers_without_a_key_are_told_apart_by_address(answers: Answers) -> None:
    for key in ("", "wrong", "wrong again"):
        answers.ask(scope_of(key=key, max_concurrent_per_key=3))
    await asyncio.sleep(0)
    await answers.ask(scope_of(max_concurrent_per_key=3))
    assert (answers.inside, answers.statuses) == (3, [429])
    other = answers.ask(scope_of(address="10.0.0.2", max_concurrent_per_key=3))
    answers.end.set()
    await other
    assert answers.statuses == [429, 200, 200, 200, 200]


async def test_a_key_is_one_caller_from_wherever_it_asks(answers: Answers) -> None:
    answers.ask(scope_of(key=KEYS[0], address="10.0.0.1", max_concurrent_per_key=1))
    await asyncio.sleep(0)
    await answers.ask(scope_of(key=KEYS[0], address="10.0.0.2", max_concurrent_per_key=1))
    assert answers.statuses == [429]


def test_an_environment_of_lambda_is_asked_one_by_one_and_counts_nothing() -> None:
    app = create_app(lambda: as_router(FakeRouter()), one_at_a_time=True)
    assert "Admission" not in str(app.user_middleware)
    assert "Admission" in str(create_app(lambda: as_router(FakeRouter())).user_middleware)


def test_a_share_of_all_slots_is_kept_for_others_than_batch() -> None:
    settings = RouterSettings(max_concurrent=5, max_concurrent_per_key=5, batch_share=0.6, queue_seconds=0)
    router = FakeRouter(replace(CONFIG, settings=settings))
    hold(router)
    with gateway(router, caller_keys=Priorities()) as url, httpx.Client(base_url=url, timeout=20) as client:
        with ExitStack() as held:
            assert [opened(client, "batch-key", held).status_code for _ in range(3)] == [200] * 3
            refused = client.post(PATH, json=STREAM, headers={"authorization": "Bearer batch-key"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert "batch_share" in refused.json()["error"]["message"]
            assert [opened(client, "interactive-key", held).status_code for _ in range(2)] == [200] * 2
        wait_until(lambda: takes(client, "batch-key", 3))
