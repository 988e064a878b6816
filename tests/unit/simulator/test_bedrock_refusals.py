"""Requests that Bedrock refuses, and in which words: wrong ones, and those that nobody known has signed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.simulator import AWS_ACCESS_KEY_ID, Simulator
from tests.support.bedrock_client import HAIKU, KNOWN, LLAMA, QUESTION, SONNET, TOOLS, converse

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
    (
        "us.amazon.nova-2-lite-v1:0",
        {
            "inferenceConfig": {"maxTokens": 500},
            "additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
        },
        "maxTokens must be unset when maxReasoningEffort is high.",
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


async def test_an_unsigned_client_is_denied(sim: Simulator) -> None:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    client = boto3.client("bedrock-runtime", endpoint_url=f"{sim.url}/bedrock", region_name="us-east-1", config=config)
    try:
        with pytest.raises(ClientError, match="Missing Authentication Token"):
            await converse(client)
    finally:
        client.close()
