"""Bedrock's API, asked with boto3 and with signatures of our own."""

import asyncio
import json
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from local.simulator import AWS_ACCESS_KEY_ID, Fault, Simulator
from local.simulator.bedrock import eventstream

KNOWN = Credentials(AWS_ACCESS_KEY_ID, "sim-bedrock-secret")
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-6"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
QUESTION: Any = [{"role": "user", "content": [{"text": "Count to 5"}]}]
SPEC = {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}
TOOLS: Any = {"tools": [{"toolSpec": SPEC}]}


async def converse(client: Any, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(
        client.converse, **{"modelId": HAIKU, "messages": QUESTION, **request}
    )
    return answer


async def stream(client: Any, **request: Any) -> list[dict[str, Any]]:
    """Events until the end of the stream; the one that fails it raises."""

    def read() -> list[dict[str, Any]]:
        response = client.converse_stream(**{"modelId": HAIKU, "messages": QUESTION, **request})
        return list(response["stream"])

    return await asyncio.to_thread(read)


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
    schema = {"schema": json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})}
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
        (Fault(kind="quota"), "ServiceQuotaExceededException"),
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


TEXT = {"role": "user", "content": [{"text": "x"}]}
USE = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}]}
RESULT = {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "x"}]}}]}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (HAIKU, {"foo": 1}, "Malformed input request: #: extraneous key [foo] is not permitted"),
    (
        HAIKU,
        {"inferenceConfig": {"topK": 1}},
        "Malformed input request: #/inferenceConfig: extraneous key [topK] is not permitted",
    ),
    (
        HAIKU,
        {"inferenceConfig": {"temperature": 1.7}},
        "1 validation error detected: Value '1.7' at 'inferenceConfig.temperature' failed to satisfy constraint: "
        "Member must have value less than or equal to 1",
    ),
    (
        HAIKU,
        {"inferenceConfig": {"maxTokens": "many"}},
        "The provided request is not valid: Invalid type for parameter",
    ),
    (HAIKU, {"inferenceConfig": {"maxTokens": 0}}, "The provided request is not valid: Invalid value for parameter"),
    (
        LLAMA,
        {"inferenceConfig": {"maxTokens": 9000}},
        "The maximum tokens you requested exceeds the model limit of 4096",
    ),
    (
        HAIKU,
        {"inferenceConfig": {"temperature": 0.5, "topP": 0.5}},
        "The model returned the following errors: `temperature` and `top_p` cannot both be specified",
    ),
    (HAIKU, {"messages": "hello"}, "The provided request is not valid: Invalid type for parameter messages"),
    (HAIKU, {"messages": []}, "The messages field is required."),
    (
        HAIKU,
        {"messages": [{"role": "robot", "content": []}]},
        "1 validation error detected: Value 'robot' at 'messages.1",
    ),
    (HAIKU, {"messages": [{"role": "user"}]}, "The provided request is not valid: Missing required parameter"),
    (HAIKU, {"messages": [USE]}, "A conversation must start with a user message."),
    (HAIKU, {"messages": [TEXT, TEXT]}, "A conversation must alternate between user and assistant roles."),
    (HAIKU, {"messages": [{"role": "user", "content": []}]}, "The content field in the Message object at messages.0"),
    (
        HAIKU,
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        "The text field in the ContentBlock object at messages.0.content.0 is blank.",
    ),
    (
        HAIKU,
        {"messages": [TEXT, USE, RESULT]},
        "The toolConfig field must be defined when using toolUse and toolResult",
    ),
    (HAIKU, {"messages": [TEXT, USE, TEXT], "toolConfig": TOOLS}, "Expected toolResult blocks at messages.2.content"),
    (
        HAIKU,
        {"messages": [RESULT], "toolConfig": TOOLS},
        "The number of toolResult blocks at messages.0.content exceeds",
    ),
    (
        LLAMA,
        {"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "aaaa"}}}]}]},
        "This model doesn't support the image field.",
    ),
    ("no.such-model", {}, "The provided model identifier is invalid."),
    ("anthropic.claude-sonnet-4-6", {}, "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput"),
    ("eu.anthropic.claude-sonnet-4-6", {}, "The provided model identifier is invalid."),
    (
        "sim-tiny",
        {"messages": [{"role": "user", "content": [{"text": "x" * 8000}]}]},
        "Input is too long for requested",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[2][:48] for wrong in WRONG])
async def test_a_wrong_request_gets_bedrocks_400(
    http: httpx.AsyncClient,
    sim: Simulator,
    signed: Callable[..., httpx.Request],
    wrong: tuple[str, dict[str, Any], str],
) -> None:
    model, change, message = wrong
    url = f"{sim.url}/bedrock/model/{model.replace(':', '%3A')}/converse"
    response = await http.send(signed(url, {"messages": QUESTION, **change}, "us-east-1"))
    assert response.status_code == 400
    assert response.headers["x-amzn-errortype"].startswith("ValidationException")
    assert response.json()["message"].startswith(message)


async def test_a_retired_model_has_reached_its_end(bedrock_client: Any) -> None:
    with pytest.raises(bedrock_client.exceptions.ResourceNotFoundException, match="end of its life"):
        await converse(bedrock_client, modelId="us.anthropic.claude-3-5-sonnet-20241022-v2:0")


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


@dataclass
class Forged:
    """A request that is signed, then changed."""

    exception: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    credentials: Credentials = KNOWN
    service: str = "bedrock"


FORGED = {
    "wrong secret": Forged(
        "InvalidSignatureException", "does not match", credentials=Credentials(AWS_ACCESS_KEY_ID, "wrong")
    ),
    "unknown key": Forged(
        "UnrecognizedClientException", "security token included", credentials=Credentials("AKIDNOBODY", "wrong")
    ),
    "changed header": Forged("InvalidSignatureException", "does not match", {"content-type": "text/plain"}),
    "old signature": Forged("InvalidSignatureException", "Signature expired", {"x-amz-date": "20200101T000000Z"}),
    "other service": Forged("InvalidSignatureException", "scoped to correct service", service="s3"),
    "no signature": Forged(
        "MissingAuthenticationTokenException", "Missing Authentication Token", {"authorization": ""}
    ),
    "half a signature": Forged(
        "IncompleteSignatureException", "not a complete", {"authorization": "AWS4-HMAC-SHA256 Credential=x"}
    ),
    "wrong bearer": Forged(
        "AccessDeniedException", "Please make sure your API Key is valid.", {"authorization": "Bearer wrong"}
    ),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_a_request_nobody_known_has_signed_is_denied(
    http: httpx.AsyncClient, sim: Simulator, signed: Callable[..., httpx.Request], forged: Forged
) -> None:
    url = f"{sim.url}/bedrock/model/{SONNET}/converse"
    request = signed(url, {"messages": QUESTION}, "us-east-1", forged.credentials)
    authorization = request.headers["authorization"].replace("/bedrock/", f"/{forged.service}/")
    request.headers.update({"authorization": authorization, **forged.headers})
    response = await http.send(request)
    assert response.status_code == 403
    assert response.headers["x-amzn-errortype"].startswith(forged.exception)
    assert forged.message in response.json()["message"]


async def test_a_changed_body_breaks_the_signature(
    http: httpx.AsyncClient, sim: Simulator, signed: Callable[..., httpx.Request]
) -> None:
    request = signed(f"{sim.url}/bedrock/model/{SONNET}/converse", {"messages": QUESTION}, "us-east-1")
    other = httpx.Request("POST", request.url, content=request.content.replace(b"5", b"6"), headers=request.headers)
    assert (await http.send(other)).json()["message"].startswith("The request signature we calculated")


async def test_a_bedrock_api_key_is_taken(http: httpx.AsyncClient, sim: Simulator) -> None:
    headers = {"authorization": "Bearer sim-bedrock-key"}  # boto3 sends it over TLS only
    url = f"{sim.url}/bedrock/model/{SONNET}/converse"
    response = await http.post(url, json={"messages": QUESTION}, headers=headers)
    assert response.json()["stopReason"] == "end_turn"
    assert sim.requests[0].region is None


async def test_an_unsigned_client_is_denied(sim: Simulator) -> None:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    client = boto3.client("bedrock-runtime", endpoint_url=f"{sim.url}/bedrock", region_name="us-east-1", config=config)
    try:
        with pytest.raises(ClientError, match="Missing Authentication Token"):
            await converse(client)
    finally:
        client.close()


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
