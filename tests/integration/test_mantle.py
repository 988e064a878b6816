"""Bedrock's OpenAI-compatible endpoint over a real socket: its addresses, its keys, and who a request is signed by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.provider import AcompletionProvider
from litellm_fallback_router.engine.mantle import MantleFormat, mantle_format
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Deployment
from tests.integration.test_almost_openai import QUESTION, events, merged, whole, wire
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server
from tests.support.scripted import deployment

KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
OSS = "openai.gpt-oss-120b"
VARIABLES = ("BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "BEDROCK_MANTLE_REGION", "BEDROCK_MANTLE_API_BASE")


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def at(base: str | None, model: str = OSS, region: str | None = "eu-west-1", **extra: Any) -> Deployment:
    name = f"bedrock_mantle/{model}"
    return deployment(
        model, provider="bedrock_mantle", litellm_model=name, region=region, api_base=base, extra={**KEYS, **extra}
    )


def only(server: Recorder) -> tuple[str, dict[str, str], bytes]:
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_request_is_signed_for_the_endpoints_own_service(stream: bool) -> None:
    """With the Region that the mapping names."""
    ask = Engine(lambda _: None)
    said = wire(events("text", "cached")) if stream else whole("text", "cached")
    async with recording_server(said) as server:
        one = at(f"{server.url}/v1")
        if stream:
            choices = merged(
                [chunk async for chunks in ask.stream(one, list(QUESTION), {"max_tokens": 9}) for chunk in chunks]
            )
        else:
            choices = (await ask.complete(one, list(QUESTION), {"max_tokens": 9})).choices
        first, headers, body = only(server)
    assert choices
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert (json.loads(body)["model"], json.loads(body)["max_tokens"]) == (OSS, 9)
    again = AWSRequest("POST", f"{server.url}/v1/chat/completions", data=body)
    again.headers["content-type"] = "application/json"
    signer = SigV4Auth(ReadOnlyCredentials("AKID", "secret", None), "bedrock-mantle", "eu-west-1")
    again.context["timestamp"] = headers["x-amz-date"]
    again.headers["X-Amz-Date"] = headers["x-amz-date"]
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert f"{headers['x-amz-date'][:8]}/eu-west-1/bedrock-mantle/aws4_request" in headers["authorization"]
    assert headers["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("variable", [None, "BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"])
async def test_a_key_is_sent_as_one(variable: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, "key-1")
    async with recording_server(whole("text", "cached")) as server:
        await Engine(lambda _: None if variable else "key-1").complete(at(f"{server.url}/v1"), list(QUESTION), {})
        assert only(server)[1]["authorization"] == "Bearer key-1"


async def test_what_is_sent_and_read_is_what_the_public_call_has() -> None:
    found = []
    for provider in (Engine, AcompletionProvider):
        async with recording_server(whole("text", "cached")) as server:
            asked = provider(lambda _: "key-1")
            answer = await asked.complete(at(f"{server.url}/v1"), list(QUESTION), {"temperature": 0.2})
            first, headers, body = only(server)
        found.append((first, headers["authorization"], json.loads(body), answer.choices, answer.usage, answer.cost_usd))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("model", "region", "base", "url", "signed_for"),
    [
        (OSS, "eu-west-1", None, "https://bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", "eu-west-1"),
        (OSS, None, None, "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions", "us-east-1"),
        (f"us-west-2/{OSS}", None, None, "https://bedrock-mantle.us-west-2.api.aws/v1/chat/completions", "us-west-2"),
        (
            "openai.gpt-5.4",
            "eu-west-1",
            None,
            "https://bedrock-mantle.eu-west-1.api.aws/openai/v1/chat/completions",
            "eu-west-1",
        ),
        (OSS, "eu-west-1", "https://inside.example/v1", "https://inside.example/v1/chat/completions", "eu-west-1"),
        (
            OSS,
            "eu-west-1",
            "https://bedrock-mantle.us-east-2.api.aws/v1",
            "https://bedrock-mantle.us-east-2.api.aws/v1/chat/completions",
            "us-east-2",
        ),
    ],
)
def test_where_it_is_asked(model: str, region: str | None, base: str | None, url: str, signed_for: str) -> None:
    known = mantle_format(at(base, model, region))
    assert isinstance(known, MantleFormat)
    assert (known.url, known._region, known.model) == (url, signed_for, model.rpartition("/")[2])


def test_claude_is_left_to_the_public_call() -> None:
    assert mantle_format(at(None, "anthropic.claude-haiku-4-5")) is None


async def test_a_refusal_is_told_at_first_hand() -> None:
    async with recording_server(response(403, {"error": {"message": "no"}})) as server:
        with pytest.raises(ProviderFailure) as told:
            await Engine(lambda _: None).complete(at(f"{server.url}/v1"), list(QUESTION), {})
    assert (told.value.kind, told.value.status) == (FailureKind.PERMISSION, 403)


@pytest.mark.parametrize("provider", ["bedrock_mantle", "sagemaker_chat", "bedrock"])
def test_the_public_call_asks_in_the_mappings_region(provider: str) -> None:
    one = deployment("m", provider=provider, litellm_model=f"{provider}/m", region="eu-west-1")
    assert AcompletionProvider(lambda _: None)._arguments(one, [], {})["aws_region_name"] == "eu-west-1"
