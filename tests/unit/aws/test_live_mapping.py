"""The mapping in AppConfig as a function reads it: at its start, then behind its requests."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from litellm_fallback_router import live_mapping
from litellm_fallback_router.adapters.appconfig import FeedLostError, MappingFeed, mapping_in
from litellm_fallback_router.entrypoints.snapstart import Held
from litellm_fallback_router.live_mapping import POLL_SECONDS, STALE_SECONDS, LiveMapping
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import revision_of
from litellm_fallback_router.settings import Settings, load_settings

PLACE = "app/env/mapping"
SETTINGS = Settings(appconfig=PLACE)


def mapping(number: int) -> dict[str, Any]:
    return {"model_list": [{"model_name": "chat", "litellm_provider": "openai", "params": {"model": f"m-{number}"}}]}


class Feed:
    """In AppConfig's place: what it has, or why not."""

    def __init__(self, *has: bytes | Exception | None) -> None:
        self.has: list[bytes | Exception | None] = list(has)
        self.sessions = 0
        self.read = 0

    def session(self, place: str) -> Any:
        assert place == PLACE
        self.sessions += 1
        return self

    def latest(self) -> bytes | None:
        self.read += 1
        now = self.has[0] if len(self.has) == 1 else self.has.pop(0)
        if isinstance(now, Exception):
            raise now
        return now


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def content(number: int) -> bytes:
    return json.dumps(mapping(number)).encode()


def live(feed: Feed, clock: Clock | None = None) -> LiveMapping:
    return LiveMapping(SETTINGS, feed=feed.session, clock=clock or Clock())


async def looked(one: LiveMapping, held: Held) -> None:
    """A request comes; then what it began is waited for."""
    await one.look(held)
    if one._reading is not None:
        await one._reading


async def test_a_start_takes_what_is_deployed_and_before_a_snapshot_nothing_is_read() -> None:
    feed = Feed(content(1))
    assert live(feed).router(read_keys=False).config.revision != revision_of(mapping(1))
    assert feed.read == 0
    assert live(feed).router().config.revision == revision_of(mapping(1))


@pytest.mark.parametrize("has", [None, FeedLostError("ReadTimeout")], ids=["nothing", "lost"])
async def test_a_start_takes_the_packages_where_there_is_none_or_it_cannot_be_read(has: Any) -> None:
    router = live(Feed(has)).router()
    assert "openai-gpt4o" in router.config.chains


async def test_a_start_takes_the_packages_where_this_version_refuses_what_is_deployed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    router = live(Feed(b'{"model_list": []}')).router()
    assert "openai-gpt4o" in router.config.chains
    (event,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert event["event"] == "mapping_refused"


async def test_a_start_takes_the_packages_where_a_bug_keeps_what_is_deployed_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, mapping: bytes) -> Any:
        raise RuntimeError("bug")

    monkeypatch.setattr(LiveMapping, "_mapping", broken)
    router = live(Feed(content(1))).router()
    assert "openai-gpt4o" in router.config.chains
    (event,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert event["problems"][0].startswith("a bug of the gateway: RuntimeError")


def test_a_mapping_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        mapping_in(b"[" * 200_000)


async def test_where_requests_come_none_waits_for_a_new_mapping_and_one_after_it_has_it() -> None:
    feed, clock = Feed(content(1), content(2)), Clock()
    one = live(feed, clock)
    held = Held(one.router())
    former = held.router
    await looked(one, held)
    assert (held.router, feed.read) == (former, 1), "it was read a moment ago"

    clock.now += POLL_SECONDS
    await one.look(held)
    assert held.router is former, "nothing has been waited for"
    await one.look(held)
    assert one._reading is not None
    await one._reading
    assert held.router.config.revision == revision_of(mapping(2))
    assert (feed.read, feed.sessions) == (2, 1)


async def test_what_cannot_be_read_or_is_refused_changes_nothing_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    wrong = b'{"model_list": "all"}'
    feed, clock = Feed(content(1), FeedLostError("ThrottlingException"), wrong, wrong, None, content(3)), Clock()
    one = live(feed, clock)
    held = Held(one.router())
    revisions = []
    for _ in range(5):
        clock.now += POLL_SECONDS
        await looked(one, held)
        revisions.append(held.router.config.revision)
    assert revisions == [*[revision_of(mapping(1))] * 4, revision_of(mapping(3))]
    said = [record.msg["event"] if isinstance(record.msg, dict) else record.getMessage() for record in caplog.records]
    assert said == [
        "the mapping in AppConfig could not be read, the one in force stays: ThrottlingException",
        "mapping_refused",
        "mapping_replaced",
    ]


async def test_a_mapping_that_is_null_is_refused_and_not_the_packages_taken() -> None:
    feed, clock = Feed(content(1), b"null"), Clock()
    one = live(feed, clock)
    held = Held(one.router())
    clock.now += POLL_SECONDS
    await looked(one, held)
    assert held.router.config.revision == revision_of(mapping(1))


async def test_a_restore_begins_a_session_of_its_own() -> None:
    feed = Feed(content(1), content(2))
    one = live(feed)
    one.router()
    assert one.router().config.revision == revision_of(mapping(2))
    assert feed.sessions == 2


async def test_after_a_sleep_the_first_request_has_what_is_in_force_now() -> None:
    feed, clock = Feed(content(1), content(2)), Clock()
    one = live(feed, clock)
    held = Held(one.router())
    clock.now += STALE_SECONDS
    await one.look(held)
    assert held.router.config.revision == revision_of(mapping(2))


async def test_after_a_sleep_a_reading_that_slept_too_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, clock, gate = Feed(content(1), content(2)), Clock(), asyncio.Event()
    one = live(feed, clock)
    held = Held(one.router())

    async def frozen(work: Any, *arguments: Any) -> Any:
        result = work(*arguments)
        await gate.wait()
        return result

    monkeypatch.setattr(asyncio, "to_thread", frozen)
    clock.now += POLL_SECONDS
    await one.look(held)
    await asyncio.sleep(0)  # it is read, and frozen with its environment
    clock.now += STALE_SECONDS
    asyncio.get_running_loop().call_soon(gate.set)
    await one.look(held)
    assert (held.router.config.revision, feed.read) == (revision_of(mapping(2)), 2)


async def test_a_silent_appconfig_holds_up_the_first_request_after_a_sleep_for_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    one = live(Feed(content(1)), clock)
    held = Held(one.router())
    former = held.router

    async def silent(work: Any, *arguments: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "to_thread", silent)
    monkeypatch.setattr(live_mapping, "WAIT_SECONDS", 0.01)
    clock.now += STALE_SECONDS
    await one.look(held)
    assert held.router is former
    assert one._reading is not None
    one._reading.cancel()


async def test_without_a_place_nothing_is_read() -> None:
    one = LiveMapping(Settings(), feed=Feed().session)
    await one.look(Held(one.router()))
    assert one._reading is None


def test_a_place_has_three_parts() -> None:
    assert load_settings({"ROUTER_APPCONFIG": PLACE}).appconfig == PLACE
    with pytest.raises(ConfigurationError, match="ROUTER_APPCONFIG: must be APPLICATION/ENVIRONMENT/PROFILE"):
        load_settings({"ROUTER_APPCONFIG": "app/env"})


@pytest.fixture
def data() -> Iterator[tuple[Any, Stubber]]:
    """AppConfig's data plane by botocore's own model of it."""
    client = boto3.client(
        "appconfigdata", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def begins(stub: Stubber, token: str) -> None:
    stub.add_response(
        "start_configuration_session",
        {"InitialConfigurationToken": token},
        {
            "ApplicationIdentifier": "app",
            "EnvironmentIdentifier": "env",
            "ConfigurationProfileIdentifier": "mapping",
            "RequiredMinimumPollIntervalInSeconds": 15,
        },
    )


def gives(stub: Stubber, token: str, data: bytes, following: str) -> None:
    body = StreamingBody(io.BytesIO(data), len(data))
    answer = {"NextPollConfigurationToken": following, "NextPollIntervalInSeconds": 60, "Configuration": body}
    stub.add_response("get_latest_configuration", answer, {"ConfigurationToken": token})


def test_a_session_uses_each_token_once_and_keeps_what_has_not_changed(data: tuple[Any, Stubber]) -> None:
    client, stub = data
    begins(stub, "t1")
    gives(stub, "t1", b"one", "t2")
    gives(stub, "t2", b"", "t3")
    gives(stub, "t3", b"two", "t4")
    feed = MappingFeed(PLACE, client)
    assert [feed.latest() for _ in range(3)] == [b"one", b"one", b"two"]


def test_where_nothing_is_deployed_there_is_none(data: tuple[Any, Stubber]) -> None:
    client, stub = data
    begins(stub, "t1")
    gives(stub, "t1", b"", "t2")
    begins(stub, "t3")
    stub.add_client_error("get_latest_configuration", "ResourceNotFoundException")
    feed = MappingFeed(PLACE, client)
    assert [feed.latest(), feed.latest()] == [None, None]


def test_after_a_token_that_expired_there_is_another_session(data: tuple[Any, Stubber]) -> None:
    client, stub = data
    begins(stub, "t1")
    stub.add_client_error("get_latest_configuration", "BadRequestException")
    begins(stub, "t2")
    gives(stub, "t2", b"one", "t3")
    feed = MappingFeed(PLACE, client)
    with pytest.raises(FeedLostError, match="BadRequestException"):
        feed.latest()
    assert feed.latest() == b"one"


async def test_a_reading_of_the_session_before_a_restore_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, clock = Feed(content(1), content(2), content(3)), Clock()
    one = LiveMapping(SETTINGS, feed=lambda place: Feed(content(1)), clock=clock)  # type: ignore[arg-type,return-value]
    held = Held(one.router())
    gate = asyncio.Event()

    async def late(work: Any, *arguments: Any) -> Any:
        await gate.wait()
        return content(2)

    monkeypatch.setattr(asyncio, "to_thread", late)
    clock.now += POLL_SECONDS
    await one.look(held)
    one._new_feed = feed.session
    held.router = one.router()
    gate.set()
    assert one._reading is not None
    await one._reading
    assert held.router.config.revision == revision_of(mapping(1))
