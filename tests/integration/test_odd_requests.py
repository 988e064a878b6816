"""Requests that LiteLLM or a provider cannot make sense of are the caller's fault: they never count against a
deployment, so that no caller can open a circuit for everybody."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import Message
from tests.integration.test_failure_table import failure
from tests.support.raw_server import raw_server, response

TEAPOT = response(418, {"message": "I take no requests", "error": {"message": "I take no requests"}})
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{not json"}}


def user(*content: Any) -> list[Message]:
    return [{"role": "user", "content": list(content)}]


def image(url: Any) -> list[Message]:
    return user({"type": "image_url", "image_url": url})


X: list[Message] = [{"role": "user", "content": "x"}]
ODD: dict[str, tuple[list[Message], dict[str, Any]]] = {
    "image that is no data URL": (image({"url": "data:nonsense"}), {}),
    "image that is no base64": (image({"url": "data:image/png;base64,@@@@"}), {}),
    "image null": (image(None), {}),
    "image without URL": (user({"type": "image_url"}), {}),
    "image from our own network": (image({"url": "http://127.0.0.1:1/y.png"}), {}),
    "tool without function": (X, {"tools": [{"type": "function"}]}),
    "tool with a list for a schema": (
        X,
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
    ),
    "tool result of no call": ([{"role": "tool", "tool_call_id": "x", "content": "1"}], {}),
    "tool call with broken arguments": (
        [
            *X,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
        ],
        {},
    ),
    "content of an unknown type": (user({"type": "hologram"}), {}),
    "file by id": (user({"type": "file", "file": {"file_id": "abc"}}), {}),
    "audio that is no base64": (user({"type": "input_audio", "input_audio": {"data": "@@", "format": "wav"}}), {}),
    "schema missing": (X, {"response_format": {"type": "json_schema"}}),
    "choice of a nameless tool": (
        X,
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function"}},
    ),
    "thinking without a budget": (X, {"thinking": {"type": "enabled"}}),
    "cache mark that is no object": (user({"type": "text", "text": "a", "cache_control": "x"}), {}),
    "text null": (user({"type": "text", "text": None}), {}),
}


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock"])
@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_request_is_rejected(odd: str, provider: str, streaming: bool) -> None:
    messages, params = ODD[odd]
    async with raw_server(TEAPOT) as url:
        failed = await failure(provider, url, messages=messages, params=params, streaming=streaming)
    assert failed.kind is FailureKind.REJECTED
