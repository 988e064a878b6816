"""Bedrock's API, asked with boto3 and with signatures of our own."""

import json
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from local.simulator import Fault, Simulator
from local.simulator.bedrock import eventstream
from tests.support.bedrock_client import HAIKU, QUESTION, SONNET, TOOLS, converse, stream


async def test_converse_answers(bedrock_client: Any) -> None:
    answer = await converse(bedrock_client, system=[{"text": "Be brief."}], inferenceConfig={"maxTokens": 99})
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "1, 2, 3, 4, 5."}]}
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] > 0


async def test_a_stream_says_the_same_and_counts_the_same(bedrock_client: Any) -> None:
    whole = await converse(bedrock_client)
    events = await stream(bedrock_client)
    assert [next(iter(event)) for event in events[:1] + events[-3:]] == [
        "messageStart",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert text == whole["output"]["message"]["content"][0]["text"]
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    assert events[-1]["metadata"]["usage"] == whole["usage"]


async def test_tools_are_called_and_their_results_are_told(bedrock_client: Any) -> None:
    messages: Any = [{"role": "user", "content": [{"text": "weather in Paris and Rome?"}]}]
    asked = await converse(bedrock_client, messages=messages, toolConfig=TOOLS)
    message = asked["output"]["message"]
    assert asked["stopReason"] == "tool_use"
    assert [block["toolUse"]["input"] for block in message["content"]] == [{"city": "Paris"}, {"city": "Rome"}]
    results: Any = [
        {"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"json": {"sky": index}}]}}
        for index, block in enumerate(message["content"])
    ]
    messages += [message, {"role": "user", "content": results}]
    told = await converse(bedrock_client, messages=messages, toolConfig=TOOLS)
    assert '{"sky": 0}; {"sky": 1}' in told["output"]["message"]["content"][0]["text"]


async def test_streamed_tool_calls_add_up(bedrock_client: Any) -> None:
    messages: Any = [{"role": "user", "content": [{"text": "weather in Paris and Rome?"}]}]
    arguments = {0: "", 1: ""}
    for event in await stream(bedrock_client, messages=messages, toolConfig=TOOLS):
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            arguments[delta["contentBlockIndex"]] += delta["delta"]["toolUse"]["input"]
    assert [json.loads(text) for text in arguments.values()] == [{"city": "Paris"}, {"city": "Rome"}]


async def test_forced_tools_stops_limits_and_schema_are_kept(bedrock_client: Any) -> None:
    forced = await converse(bedrock_client, toolConfig={**TOOLS, "toolChoice": {"any": {}}})
    assert forced["stopReason"] == "tool_use"
    stopped = await converse(bedrock_client, inferenceConfig={"stopSequences": ["4"]})
    assert stopped["stopReason"] == "stop_sequence"
    short = await converse(bedrock_client, inferenceConfig={"maxTokens": 2})
    assert short["stopReason"] == "max_tokens"
    wanted = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    schema = {"schema": json.dumps(wanted)}
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    structured = await converse(bedrock_client, outputConfig=form)
    assert structured["output"]["message"]["content"][0]["text"] == '{"n": 1}'


async def test_images_cache_points_and_guardrails_are_taken(bedrock_client: Any) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    content = [image, {"text": "what is it"}, {"cachePoint": {"type": "default"}}]
    guardrail = {"guardrailIdentifier": "abc123def456", "guardrailVersion": "1"}
    answer = await converse(bedrock_client, messages=[{"role": "user", "content": content}], guardrailConfig=guardrail)
    assert "what is it" in answer["output"]["message"]["content"][0]["text"]


async def test_thinking_is_shown_signed_and_recognised(bedrock_client: Any) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    whole = await converse(bedrock_client, additionalModelRequestFields=thinking)
    thought, text = whole["output"]["message"]["content"]
    deltas = [
        event["contentBlockDelta"]["delta"]
        for event in await stream(bedrock_client, additionalModelRequestFields=thinking)
        if "contentBlockDelta" in event
    ]
    reasoning = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
    assert "".join(part.get("text", "") for part in reasoning) == thought["reasoningContent"]["reasoningText"]["text"]
    assert reasoning[-1]["signature"] == thought["reasoningContent"]["reasoningText"]["signature"]
    assert "".join(delta.get("text", "") for delta in deltas) == text["text"]
    history: Any = [*QUESTION, {"role": "assistant", "content": [thought, text]}, *QUESTION]
    assert (await converse(bedrock_client, messages=history))["stopReason"] == "end_turn"
    thought["reasoningContent"]["reasoningText"]["signature"] = "forged"
    with pytest.raises(bedrock_client.exceptions.ValidationException, match="Invalid `signature` in `thinking` block"):
        await converse(bedrock_client, messages=history)


async def test_a_prefill_is_continued_by_haiku_4_5_only(bedrock_client: Any) -> None:
    prefilled = [*QUESTION, {"role": "assistant", "content": [{"text": "1, 2, "}]}]
    answer = await converse(bedrock_client, messages=prefilled)
    assert answer["output"]["message"]["content"][0]["text"] == "3, 4, 5."
    with pytest.raises(
        bedrock_client.exceptions.ValidationException, match="does not support assistant message prefill"
    ):
        await converse(bedrock_client, modelId=SONNET, messages=prefilled)


@pytest.mark.parametrize(
    ("fault", "exception"),
    [
        (Fault(kind="status", status=400), "ValidationException"),
        (Fault(kind="status", status=403), "AccessDeniedException"),
        (Fault(kind="status", status=404), "ResourceNotFoundException"),
        (Fault(kind="status", status=408), "ModelTimeoutException"),
        (Fault(kind="status", status=424), "ModelErrorException"),
        (Fault(kind="status", status=429), "ThrottlingException"),
        (Fault(kind="status", status=429, code="ModelNotReadyException"), "ModelNotReadyException"),
        (Fault(kind="status", status=500), "InternalServerException"),
        (Fault(kind="status", status=503), "ServiceUnavailableException"),
        (Fault(kind="quota"), "ThrottlingException"),
        (Fault(kind="expired_token"), "ExpiredTokenException"),
        (Fault(kind="wrong_key"), "UnrecognizedClientException"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
async def test_boto3_knows_every_error_by_its_name(
    bedrock_client: Any, sim: Simulator, fault: Fault, exception: str
) -> None:
    sim.inject(fault)
    with pytest.raises(ClientError) as refused:
        await converse(bedrock_client)
    assert refused.value.response["Error"]["Code"] == exception


async def test_an_in_band_exception_raises_in_the_middle(bedrock_client: Any, sim: Simulator) -> None:
    sim.inject(Fault(kind="in_band_error", after_chunks=2))
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        await stream(bedrock_client)


async def test_a_broken_frame_fails_its_checksum(bedrock_client: Any, sim: Simulator) -> None:
    sim.inject(Fault(kind="malformed", after_chunks=2))
    with pytest.raises(ChecksumMismatch):
        await stream(bedrock_client)


async def test_an_inference_profile_arn_names_its_model(bedrock_client: Any, sim: Simulator) -> None:
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}"
    assert (await converse(bedrock_client, modelId=arn))["stopReason"] == "end_turn"
    assert sim.requests[0].model == arn


async def test_the_region_is_that_of_the_signature(
    http: httpx.AsyncClient, sim: Simulator, signed: Callable[..., httpx.Request]
) -> None:
    url = f"{sim.url}/bedrock/model/{SONNET}/converse"
    assert (await http.send(signed(url, {"messages": QUESTION}, "us-west-2"))).status_code == 200
    assert sim.requests[0].region == "us-west-2"


async def test_an_unencoded_colon_in_the_path_is_taken(
    http: httpx.AsyncClient, sim: Simulator, signed: Callable[..., httpx.Request]
) -> None:
    url = f"{sim.url}/bedrock/model/{HAIKU}/converse"
    assert (await http.send(signed(url, {"messages": QUESTION}, "us-east-1"))).status_code == 200


async def test_a_bedrock_api_key_is_taken(http: httpx.AsyncClient, sim: Simulator) -> None:
    headers = {"authorization": "Bearer sim-bedrock-key"}  # boto3 sends it over TLS only
    url = f"{sim.url}/bedrock/model/{SONNET}/converse"
    response = await http.post(url, json={"messages": QUESTION}, headers=headers)
    assert response.json()["stopReason"] == "end_turn"
    assert sim.requests[0].region is None


def test_a_frame_is_laid_out_as_documented() -> None:
    frame = eventstream.event("messageStart", {"role": "assistant"})
    total, headers_length, prelude_crc = struct.unpack("!III", frame[:12])
    assert total == len(frame)
    assert prelude_crc == zlib.crc32(frame[:8])
    assert int.from_bytes(frame[-4:], "big") == zlib.crc32(frame[:-4])
    assert frame[12 + headers_length : -4] == b'{"role":"assistant"}'


def test_frames_survive_botocores_decoder_in_any_portions() -> None:
    stream_bytes = eventstream.event("a", {"x": "é" * 300}) + eventstream.exception("throttlingException", "slow")
    buffer = EventStreamBuffer()
    decoded: list[Any] = []
    for start in range(0, len(stream_bytes), 7):
        buffer.add_data(stream_bytes[start : start + 7])
        decoded += list(buffer)
    assert [message.headers[":message-type"] for message in decoded] == ["event", "exception"]
    assert json.loads(decoded[0].payload) == {"x": "é" * 300}


def test_one_turned_bit_fails_the_checksum() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.with_wrong_checksum(eventstream.event("a", {})))
    with pytest.raises(ChecksumMismatch, match=re.compile("Checksum mismatch")):
        list(buffer)
