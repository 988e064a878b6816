"""Requests to Bedrock: signed as they are sent, with credentials that are found off the event loop and kept."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from litellm_fallback_router.engine import Engine, aws
from litellm_fallback_router.engine.aws import Credentials
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Deployment
from tests.support.raw_server import response
from tests.support.recording_server import recording_server
from tests.support.scripted import deployment

KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
QUESTION = [{"role": "user", "content": "hi"}]
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Paris"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 9, "outputTokens": 1, "totalTokens": 10},
}


def place(url: str = "http://127.0.0.1:9", model: str = "us.amazon.nova-2-lite-v1:0", **extra: Any) -> Deployment:
    extra = {"aws_bedrock_runtime_endpoint": url, **KEYS, **extra}
    name = f"bedrock/converse/{model}"
    return deployment(model, provider="bedrock", litellm_model=name, region="eu-west-1", extra=extra)


async def answered(one: Deployment, key: str | None = None) -> tuple[str, dict[str, str], bytes]:
    """The path, headers and body of the request that it gets."""
    async with recording_server() as server:
        server.answer = response(200, ANSWER)
        at = {**one.extra, "aws_bedrock_runtime_endpoint": server.url}
        answer = await Engine(lambda _: key).complete(
            place(server.url, one.model, **{name: value for name, value in at.items() if name not in KEYS}),
            list(QUESTION),
            {},
        )
        assert answer.choices[0]["message"]["content"] == "Paris"
        (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first.split(" ")[1], {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize(
    "model",
    ["us.amazon.nova-2-lite-v1:0", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"],
)
async def test_what_is_sent_is_what_was_signed(model: str) -> None:
    path, headers, body = await answered(place(model=model, extra_headers={"x-team": "one"}))
    signed = AWSRequest("POST", f"http://{headers['host']}{path}", data=body)
    signed.headers["content-type"], signed.headers["x-amz-date"] = headers["content-type"], headers["x-amz-date"]
    signed.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(ReadOnlyCredentials("AKID", "secret", None), "bedrock", "eu-west-1")
    wanted = auth.signature(auth.string_to_sign(signed, auth.canonical_request(signed)), signed)
    assert headers["authorization"].endswith(f"Signature={wanted}")
    assert "/eu-west-1/bedrock/" in headers["authorization"]
    assert headers["x-team"] == "one"
    assert json.loads(body)["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]


async def test_a_bearer_token_needs_no_signature() -> None:
    _, headers, _ = await answered(place(), key="token")
    assert headers["authorization"] == "Bearer token"
    assert "x-amz-date" not in headers


def finds(one: Credentials, find: Callable[[], Any]) -> Credentials:
    one._find = find  # type: ignore[method-assign]
    return one


async def test_credentials_are_kept_for_a_while_and_found_in_a_thread() -> None:
    threads: list[int] = []

    def find() -> int:
        threads.append(threading.get_ident())
        return len(threads)

    one = finds(Credentials(place(), "eu-west-1"), find)
    assert [await one.get(), await one.get()] == [1, 1]
    one._renewed -= aws.KEPT_SECONDS
    assert await one.get() == 2
    assert threading.get_ident() not in threads


async def test_while_credentials_are_renewed_others_go_on_with_the_old_ones() -> None:
    let, found = threading.Event(), iter(["old", "new"])
    let.set()

    def find() -> str:
        assert let.wait(10)
        return next(found)

    one = finds(Credentials(place(), "eu-west-1"), find)
    assert await one.get() == "old"
    let.clear()
    one._renewed -= aws.KEPT_SECONDS
    renewing = asyncio.create_task(one.get())
    await asyncio.sleep(0)
    assert await one.get() == "old"
    let.set()
    assert (await renewing, await one.get()) == ("new", "new")


async def test_credentials_that_could_not_be_renewed_are_looked_for_again() -> None:
    def fail() -> None:
        raise OSError("no metadata service")

    one = finds(Credentials(place(), "eu-west-1"), fail)
    for _ in range(2):
        with pytest.raises(OSError, match="metadata"):
            await one.get()
    assert await finds(one, lambda: "found").get() == "found"


async def test_no_credentials_are_a_failure_of_the_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    alone = place(aws_access_key_id=None, aws_secret_access_key=None)
    with pytest.raises(ProviderFailure) as failed:
        await Engine(lambda _: None).complete(alone, list(QUESTION), {})
    assert failed.value.kind is FailureKind.AUTHENTICATION
