"""Connections and answers that break, on every provider, as bytes on the wire."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.eventstream import ChecksumMismatch

from local.simulator import Fault, Simulator
from tests.support.waiting import eventually

Wire = Any  # see conftest
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
NINE = "1, 2, 3, 4, 5, 6, 7, 8, 9."


@both
async def test_answers_when_no_fault_is_set(wire: Wire, stream: bool) -> None:
    heard = await wire.ask(stream=stream)
    assert heard.status == 200
    assert heard.error is None
    assert wire.text(heard, stream=stream) == NINE


@both
async def test_reset_tears_the_connection_before_any_header(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="reset"), times=1)
    heard = await wire.ask(stream=stream)
    assert heard.status is None
    assert isinstance(heard.error, httpx.ReadError)  # an orderly close would be a RemoteProtocolError
    assert (await wire.ask(stream=stream)).status == 200


@both
async def test_silence_lasts_until_the_client_goes(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="silence"))
    heard = await wire.ask(stream=stream, timeout=0.3)
    assert heard.status is None
    assert isinstance(heard.error, httpx.ReadTimeout)
    await eventually(lambda: wire.sim.in_flight == 0)
    assert wire.sim.requests[0].disconnected
    assert wire.sim.requests[0].status is None


async def test_silence_ends_with_a_close_after_its_seconds(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="silence", seconds=0.2))
    heard = await wire.ask()
    assert isinstance(heard.error, httpx.RemoteProtocolError)
    assert not wire.sim.requests[0].disconnected


@both
async def test_slow_first_token_answers_late_but_whole(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="slow_first_token", seconds=0.4))
    begun = time.monotonic()
    heard = await wire.ask(stream=stream)
    assert time.monotonic() - begun >= 0.4
    assert wire.text(heard, stream=stream) == NINE


async def test_slow_first_token_sends_what_holds_no_text_at_once(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="slow_first_token", seconds=30))
    heard = await wire.ask(stream=True, timeout=0.5)
    assert isinstance(heard.error, httpx.ReadTimeout)
    assert heard.status == 200
    assert heard.body
    assert wire.text(heard, stream=True) == ""


@pytest.mark.parametrize("abrupt", [False, True], ids=["close", "reset"])
async def test_cut_ends_a_stream_after_that_many_chunks(wire: Wire, abrupt: bool) -> None:
    wire.sim.inject(Fault(kind="cut", after_chunks=4, abrupt=abrupt))
    heard = await wire.ask(stream=True)
    assert wire.text(heard, stream=True) == "1, 2, 3, 4, "
    assert isinstance(heard.error, httpx.ReadError if abrupt else httpx.RemoteProtocolError)
    assert wire.sim.requests[0].chunks == 4


async def test_cut_may_strike_before_any_content(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="cut", after_messages=1))
    heard = await wire.ask(stream=True)
    assert heard.body
    assert isinstance(heard.error, httpx.RemoteProtocolError)
    assert wire.sim.requests[0].chunks == 0


async def test_cut_of_a_whole_answer_leaves_the_body_short(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="cut"))
    heard = await wire.ask()
    assert heard.status == 200
    assert isinstance(heard.error, httpx.RemoteProtocolError)
    assert 0 < len(heard.body) < int(heard.headers["content-length"])


async def test_cut_strikes_before_the_finish_of_a_short_answer(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="cut", after_chunks=500))
    heard = await wire.ask(stream=True)
    assert wire.text(heard, stream=True) == NINE
    assert heard.error is not None
    assert not finished(wire, heard)


@both
async def test_stall_sends_a_part_and_then_nothing(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="stall", after_chunks=2))
    heard = await wire.ask(stream=stream, timeout=0.4)
    assert heard.status == 200
    assert isinstance(heard.error, httpx.ReadTimeout)
    if stream:
        assert wire.text(heard, stream=True) == "1, 2, "
    await eventually(lambda: wire.sim.in_flight == 0)
    assert wire.sim.requests[0].disconnected


async def test_malformed_breaks_one_frame_of_a_stream(wire: Wire, events_of: Callable[[str, bytes], list[Any]]) -> None:
    wire.sim.inject(Fault(kind="malformed", after_chunks=2))
    heard = await wire.ask(stream=True)
    assert heard.status == 200
    assert heard.error is None
    with pytest.raises(ChecksumMismatch if wire.provider == "bedrock" else json.JSONDecodeError):
        events_of(wire.provider, heard.body)


async def test_malformed_whole_answer_is_not_json(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="malformed"))
    heard = await wire.ask()
    assert heard.error is None
    with pytest.raises(json.JSONDecodeError):
        heard.json()


async def test_no_terminator_ends_a_stream_in_order_but_unfinished(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="no_terminator"))
    heard = await wire.ask(stream=True)
    assert heard.error is None
    assert wire.text(heard, stream=True) == NINE
    assert not finished(wire, heard)


async def test_no_terminator_of_a_whole_answer_names_no_reason(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="no_terminator"))
    heard = await wire.ask()
    body = heard.json()
    reason = {
        "openai": lambda: body["choices"][0]["finish_reason"],
        "anthropic": lambda: body["stop_reason"],
        "bedrock": lambda: body.get("stopReason"),
    }[wire.provider]()
    assert reason is None


@both
async def test_content_filter_can_be_the_finish_reason(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="content_filter", as_finish=True))
    heard = await wire.ask(stream=stream)
    assert heard.status == 200
    assert wire.text(heard, stream=stream) == "1, 2, "
    reason = {"openai": b"content_filter", "anthropic": b"refusal", "bedrock": b"content_filtered"}
    assert reason[wire.provider] in heard.body


@both
async def test_html_is_a_200_with_a_page(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="html"))
    heard = await wire.ask(stream=stream)
    assert heard.status == 200
    assert heard.headers["content-type"].startswith("text/html")
    assert heard.body.startswith(b"<!DOCTYPE html>")


@both
async def test_error_object_is_a_200_with_an_error(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="error_object"))
    heard = await wire.ask(stream=stream)
    assert heard.status == 200
    assert ("message" if wire.provider == "bedrock" else "error") in heard.json()


async def test_empty_whole_answer_holds_nothing(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="empty"))
    body = (await wire.ask()).json()
    held = {
        "openai": lambda: body["choices"],
        "anthropic": lambda: body["content"],
        "bedrock": lambda: body["output"]["message"]["content"],
    }[wire.provider]()
    assert held == []


async def test_empty_stream_holds_nothing(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="empty"))
    heard = await wire.ask(stream=True)
    assert heard.status == 200
    assert heard.error is None
    assert wire.text(heard, stream=True) == ""
    assert wire.sim.requests[0].chunks == 0


async def test_in_band_error_comes_in_the_middle_of_a_stream(
    wire: Wire, events_of: Callable[[str, bytes], list[Any]]
) -> None:
    wire.sim.inject(Fault(kind="in_band_error", after_chunks=3))
    heard = await wire.ask(stream=True)
    assert heard.error is None
    assert wire.text(heard, stream=True) == "1, 2, 3, "
    last = events_of(wire.provider, heard.body)[-1]
    match wire.provider:
        case "openai":
            assert last["error"]["type"] == "server_error"
        case "anthropic":
            assert last == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        case _:
            assert last["headers"][":message-type"] == "exception"
            assert last["headers"][":exception-type"] == "modelStreamErrorException"


async def test_pings_fill_the_time_before_the_first_token(
    wire_to: Callable[[str], Wire], events_of: Callable[[str, bytes], list[Any]]
) -> None:
    wire = wire_to("anthropic")
    wire.sim.inject(Fault(kind="pings", seconds=0.6))
    heard = await wire.ask(stream=True)
    kinds = [event["type"] for event in events_of("anthropic", heard.body)]
    assert kinds[: kinds.index("content_block_delta")].count("ping") >= 3
    assert wire.text(heard, stream=True) == NINE


async def test_garbled_headers_are_not_http(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="garbled_headers"))
    assert isinstance((await wire.ask()).error, httpx.RemoteProtocolError)


async def test_latency_and_chunk_delay_slow_every_stream(wire: Wire, sim: Simulator) -> None:
    sim.settings.latency, sim.settings.chunk_delay = 0.2, 0.05
    begun = time.monotonic()
    heard = await wire.ask(stream=True)
    assert time.monotonic() - begun >= 0.2 + 8 * 0.05
    assert wire.text(heard, stream=True) == NINE


async def test_a_stream_the_client_leaves_is_logged_as_such(wire: Wire, sim: Simulator) -> None:
    sim.settings.chunk_delay = 0.05
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.ask("Count to 2000", stream=True), 0.5)
    await eventually(lambda: sim.in_flight == 0)
    record = sim.requests[0]
    assert record.disconnected
    assert record.finished is not None
    assert 0 < record.chunks < 100


def finished(wire: Wire, heard: Any) -> bool:
    """Whether a stream said that its answer is complete."""
    marks = {
        "openai": (b"[DONE]", b'"finish_reason":"'),
        "anthropic": (b"message_stop", b"message_delta"),
        "bedrock": (b"messageStop", b"metadata"),
    }
    return any(mark in heard.body for mark in marks[wire.provider])
