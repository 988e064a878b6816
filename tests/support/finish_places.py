"""Providers that end their answers with any finish reason, each in its own wire format, and Routers that ask them."""

from __future__ import annotations

import asyncio
import binascii
import json
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, ChatResult
from litellm_fallback_router.settings import Settings
from tests.support.raw_server import response

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
LIMIT = 20.0
BEDROCK = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret", "region": "us-east-1"}
DEPLOYMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("openai", {"model": "gpt-4o", "api_key": "key"}),
    "vllm": ("hosted_vllm", {"model": "llama", "api_key": "key"}),
    "deepseek": ("deepseek", {"model": "deepseek-chat", "api_key": "key"}),
    "anthropic": ("anthropic", {"model": "claude-haiku-4-5", "api_key": "key"}),
    "bedrock": ("bedrock", {"model": "us.anthropic.claude-sonnet-4-6", **BEDROCK}),
    "gemini": ("gemini", {"model": "gemini-2.5-flash", "api_key": "key"}),
}
OPENAIS_FORMAT = ("openai", "vllm", "deepseek")

# What each of them sends, whole and as the parts of a stream: text and the beginning of the rest, the finish reason,
# the usage.


def openais(text: str, reason: Any) -> dict[str, Any]:
    kind = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    return {**kind, "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}


def _openais_parts(text: str, reason: Any) -> list[bytes]:
    kind = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(**more: Any) -> bytes:
        return f"data: {json.dumps({**kind, **more})}\n\n".encode()

    def choice(delta: dict[str, Any], reason: Any = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": reason}

    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    said = [event(choices=[choice({"role": "assistant", "content": text})])] if text else []
    return [*said, event(choices=[choice({}, reason)]), event(choices=[], usage=usage) + b"data: [DONE]\n\n"]


def anthropics(text: str, reason: Any) -> dict[str, Any]:
    said = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [{"type": "text", "text": text}],
    }
    return {**said, "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 5}}


def _anthropics_parts(text: str, reason: Any) -> list[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()

    start = {**anthropics("", None), "content": []}
    said = event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) if text else b""
    return [
        event("message_start", message=start)
        + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + said
        + event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 5}),
        event("message_stop"),
    ]


def bedrocks(text: str, reason: Any) -> dict[str, Any]:
    usage = {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}
    message = {"role": "assistant", "content": [{"text": text}]}
    return {"output": {"message": message}, "stopReason": reason, "usage": usage, "metrics": {"latencyMs": 1}}


def _bedrocks_parts(text: str, reason: Any) -> list[bytes]:
    usage = {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}
    said = _amazons_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}) if text else b""
    return [
        _amazons_event("messageStart", {"role": "assistant"}) + said,
        _amazons_event("messageStop", {"stopReason": reason}),
        _amazons_event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
    ]


def _amazons_event(kind: str, payload: dict[str, Any]) -> bytes:
    """Source: AWS SDK documentation, "Amazon Event Stream Encoding"."""
    headers = b""
    for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def googles(text: str, reason: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage}


def _googles_parts(text: str, reason: Any) -> list[bytes]:
    begun = {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]}
    said = [f"data: {json.dumps(begun)}\n\n".encode()] if text else []
    return [*said, f"data: {json.dumps(googles('', reason))}\n\n".encode(), b""]


def whole(name: str, text: str, reason: Any) -> bytes:
    makers = {"anthropic": anthropics, "bedrock": bedrocks, "gemini": googles}
    return response(200, makers.get(name, openais)(text, reason))


def parts(name: str, text: str, reason: Any) -> list[bytes]:
    makers = {"anthropic": _anthropics_parts, "bedrock": _bedrocks_parts, "gemini": _googles_parts}
    return makers.get(name, _openais_parts)(text, reason)


@dataclass
class Place:
    """A provider on loopback, and what it does when it is asked."""

    whole: bytes = b""
    parts: list[bytes] = field(default_factory=list)
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    go_on: asyncio.Event | None = None
    """Where set, the last part waits for it."""
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def place(whole_answer: bytes = b"", stream: list[bytes] | None = None) -> AsyncIterator[Place]:
    here = Place(whole_answer, stream or [])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = json.loads(await reader.readexactly(int(length[1]) if length else 0))
            here.bodies.append(body)
            if not (body.get("stream") or b"stream" in head.split(b"\r\n")[0].lower()):
                writer.write(here.whole)
                await writer.drain()
                return
            kind = (
                b"application/vnd.amazon.eventstream" if b"converse" in head.split(b"\r\n")[0] else b"text/event-stream"
            )
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: "
                + kind
                + b"\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            )
            *first, last = here.parts
            for part in first:
                writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                await writer.drain()
            if here.go_on is not None:
                waiting = asyncio.ensure_future(here.go_on.wait())
                gone = asyncio.ensure_future(reader.read())
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                gone.cancel()
            if last:
                writer.write(f"{len(last):x}\r\n".encode() + last + b"\r\n")
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            here.hung_up.set()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield here


def entry(name: str, url: str, model_name: str) -> dict[str, Any]:
    provider, params = DEPLOYMENTS[name]
    base = {"aws_bedrock_runtime_endpoint": url} if provider == "bedrock" else {"api_base": f"{url}/v1"}
    return {"model_name": model_name, "litellm_provider": provider, "params": {**params, **base}}


def router_to(name: str, first: Place, second: Place | None = None, **settings: Any) -> Router:
    """`name` first, and a server of OpenAI's format behind it."""
    models = [entry(name, first.url, "first")]
    mapping: dict[str, Any] = {"settings": {"tries_per_deployment": 1, "tries_on_last": 1, **settings}}
    if second is not None:
        models.append(entry("vllm", second.url, "second"))
        mapping["fallbacks"] = {"first": ["second"]}
    return assemble(load(Settings(), {"model_list": models, **mapping}))


async def streamed(router: Router) -> tuple[str, list[str], ChatResult]:
    """Text, finish reasons and outcome of a stream."""
    text, reasons = "", []
    async with asyncio.timeout(LIMIT), router.stream(ChatRequest("first", QUESTION)) as stream:
        async for chunk in stream:
            for choice in chunk.choices:
                text += choice["delta"].get("content") or ""
                reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
        return text, reasons, stream.result
