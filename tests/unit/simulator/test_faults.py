"""Every kind of fault, on every provider, as bytes on the wire."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.eventstream import ChecksumMismatch
from pydantic import ValidationError

from local.simulator import Fault, Simulator

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
async def test_status_answers_with_it_and_retry_after_as_often_as_told(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="status", status=503, retry_after="2"), provider=wire.provider, times=2)
    replies = [await wire.ask(stream=stream) for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 200]
    assert replies[0].headers["retry-after"] == "2"
    assert [record.fault for record in wire.sim.requests] == ["status", "status", None]


@pytest.mark.parametrize(
    ("status", "markers"),
    [
        (429, {"openai": "rate_limit_exceeded", "anthropic": "rate_limit_error", "bedrock": "Too many requests"}),
        (500, {"openai": "server_error", "anthropic": "api_error", "bedrock": "unexpected error"}),
        (503, {"openai": "overloaded", "anthropic": "api_error", "bedrock": "unable to process"}),
        (529, {"openai": "server_error", "anthropic": "overloaded_error", "bedrock": "unexpected error"}),
        (418, {"openai": "invalid_request_error", "anthropic": "invalid_request_error", "bedrock": "not valid"}),
    ],
)
async def test_status_carries_the_providers_own_error(wire: Wire, status: int, markers: dict[str, str]) -> None:
    wire.sim.inject(Fault(kind="status", status=status))
    heard = await wire.ask()
    assert heard.status == status
    assert markers[wire.provider] in heard.body.decode()


async def test_status_says_what_it_is_told_to_say(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=400, body="<nonsense>"), times=1)
    wire.sim.inject(Fault(kind="status", status=400, message="told", code="c", type="t"), times=1)
    assert (await wire.ask()).body == b"<nonsense>"
    told = await wire.ask()
    assert "told" in told.body.decode()
    named = {"openai": told.body.decode(), "anthropic": told.body.decode(), "bedrock": str(told.headers)}
    assert {"openai": '"c"', "anthropic": '"t"', "bedrock": "'c:"}[wire.provider] in named[wire.provider]


REFUSALS: list[tuple[str, dict[str, tuple[int, str]]]] = [
    (
        "wrong_key",
        {
            "openai": (401, "invalid_api_key"),
            "anthropic": (401, "invalid x-api-key"),
            "bedrock": (403, "The security token included in the request is invalid."),
        },
    ),
    (
        "expired_token",
        {
            "openai": (401, "token_expired"),
            "anthropic": (401, "OAuth token has expired"),
            "bedrock": (403, "The security token included in the request is expired"),
        },
    ),
    (
        "access_denied",
        {
            "openai": (403, "does not have access to model"),
            "anthropic": (403, "permission_error"),
            "bedrock": (403, "You don't have access to the model with the specified model ID."),
        },
    ),
    (
        "model_not_found",
        {
            "openai": (404, "model_not_found"),
            "anthropic": (404, "not_found_error"),
            "bedrock": (404, "Could not resolve the foundation model"),
        },
    ),
    (
        "context_exceeded",
        {
            "openai": (400, "context_length_exceeded"),
            "anthropic": (400, "prompt is too long: "),
            "bedrock": (400, "prompt is too long: "),
        },
    ),
    (
        "content_filter",
        {
            "openai": (400, "content_filter"),
            "anthropic": (400, "Output blocked by content filtering policy"),
            "bedrock": (400, "Output blocked by content filtering policy"),
        },
    ),
    (
        "prefill_refused",
        {
            "openai": (400, "does not support assistant message prefill"),
            "anthropic": (400, "does not support assistant message prefill"),
            "bedrock": (400, "does not support assistant message prefill"),
        },
    ),
    (
        "quota",
        {
            "openai": (429, "insufficient_quota"),
            "anthropic": (400, "Your credit balance is too low to access the Anthropic API."),
            "bedrock": (400, "ServiceQuotaExceededException"),
        },
    ),
    (
        "rejected",
        {
            "openai": (400, "invalid_request_error"),
            "anthropic": (400, "invalid_request_error"),
            "bedrock": (400, "ValidationException"),
        },
    ),
]


@both
@pytest.mark.parametrize(("kind", "expected"), REFUSALS, ids=[kind for kind, _ in REFUSALS])
async def test_refusals_are_the_providers_own(
    wire: Wire, stream: bool, kind: Any, expected: dict[str, tuple[int, str]]
) -> None:
    wire.sim.inject(Fault(kind=kind))
    heard = await wire.ask(stream=stream)
    status, marker = expected[wire.provider]
    assert heard.status == status
    assert marker in heard.body.decode() + str(heard.headers)


@both
async def test_reset_tears_the_connection_before_any_header(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="reset"), times=1)
    heard = await wire.ask(stream=stream)
    assert heard.status is None
    assert isinstance(heard.error, httpx.ReadError)  # an orderly close would be a RemoteProtocolError
    assert (await wire.ask(stream=stream)).status == 200


@both
async def test_silence_lasts_until_the_client_goes(wire: Wire, stream: bool, eventually: Any) -> None:
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
async def test_stall_sends_a_part_and_then_nothing(wire: Wire, stream: bool, eventually: Any) -> None:
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


async def test_flapping_fails_and_recovers_in_turns(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="flapping", down=2, up=1, status=500))
    assert [(await wire.ask()).status for _ in range(6)] == [500, 500, 200, 500, 500, 200]


async def test_a_fault_hits_only_its_model_region_and_form(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("bedrock")
    model = "us.anthropic.claude-sonnet-4-6"
    fault = Fault(kind="status", status=500)
    wire.sim.inject(fault, provider="bedrock", model=model, region="us-east-1", stream=False)
    assert (await wire.ask(model=model)).status == 500
    assert (await wire.ask(model=model, region="us-west-2")).status == 200
    assert (await wire.ask(model=model, stream=True)).status == 200
    assert (await wire.ask()).status == 200
    assert (await wire_to("openai").ask()).status == 200


async def test_a_model_is_matched_by_its_decoded_name(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("bedrock")
    wire.sim.inject(Fault(kind="quota"), model="us.anthropic.claude-haiku-4-5-20251001-v1:0")
    assert (await wire.ask()).status == 400


async def test_the_first_rule_that_is_not_used_up_acts_alone(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=500), times=1)
    wire.sim.inject(Fault(kind="status", status=503), times=1)
    assert [(await wire.ask()).status for _ in range(3)] == [500, 503, 200]


async def test_skip_lets_requests_pass_first(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=500), skip=2, times=1)
    assert [(await wire.ask()).status for _ in range(4)] == [200, 200, 500, 200]


async def test_probability_repeats_with_its_seed(wire: Wire) -> None:
    runs = []
    for _ in range(2):
        wire.sim.reset()
        wire.sim.inject(Fault(kind="status", status=500), probability=0.5, seed=7)
        runs.append([(await wire.ask()).status for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


async def test_a_refused_request_uses_up_no_fault(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("openai")
    wire.sim.inject(Fault(kind="status", status=500), times=1)
    assert (await wire.ask(model="no-such-model")).status == 404
    assert (await wire.ask()).status == 500


async def test_reset_drops_faults_log_and_changed_settings(wire: Wire, sim: Simulator) -> None:
    sim.inject(Fault(kind="quota"))
    sim.settings.latency = 30
    sim.reset()
    assert (await wire.ask()).status == 200
    assert len(sim.requests) == 1
    assert sim.settings.latency == 0


async def test_latency_and_chunk_delay_slow_every_stream(wire: Wire, sim: Simulator) -> None:
    sim.settings.latency, sim.settings.chunk_delay = 0.2, 0.05
    begun = time.monotonic()
    heard = await wire.ask(stream=True)
    assert time.monotonic() - begun >= 0.2 + 8 * 0.05
    assert wire.text(heard, stream=True) == NINE


async def test_a_stream_the_client_leaves_is_logged_as_such(wire: Wire, sim: Simulator, eventually: Any) -> None:
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


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"kind": "status"}, "a 'status' fault needs status"),
        ({"kind": "reset", "seconds": 1}, "a 'reset' fault does not read seconds; it takes nothing"),
        ({"kind": "flapping", "down": 1}, "a 'flapping' fault needs up"),
        ({"kind": "status", "status": 200}, "greater than or equal to 400"),
        ({"kind": "meteor"}, "Input should be 'status'"),
        ({"kind": "cut", "chunks": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Fault.model_validate(given)
