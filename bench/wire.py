"""What goes over the wire in every measurement: one question, and fixed answers in the formats of the providers."""

from __future__ import annotations

import json
from typing import Any

MODEL = "gpt-4o"
CLAUDE = "claude-sonnet-4-6"
BEDROCK = "us.anthropic.claude-sonnet-4-6"
TOKEN = "lorem"  # noqa: S105 - a word of an answer, no secret
"""In the text of each chunk of a stream: a first token is recognised by it, whatever a system makes of the rest."""
TOKENS = 500

_QUESTION = [
    {"role": "system", "content": "You are a helpful assistant. Answer briefly."},
    {"role": "user", "content": "What is the capital of France, and what is it known for?"},
]
_ANSWER = "Paris. It is known for the Eiffel Tower, the Louvre, its cafes and its fashion. " * 4
_USAGE = {"prompt_tokens": 31, "completion_tokens": 84, "total_tokens": 115}
_STREAM_USAGE = {"prompt_tokens": 31, "completion_tokens": TOKENS, "total_tokens": 31 + TOKENS}


def question(model: str, *, stream: bool) -> bytes:
    body: dict[str, Any] = {"model": model, "messages": _QUESTION, "temperature": 0.7, "max_tokens": 600}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()


def message(model: str, *, stream: bool) -> bytes:
    """The same question in Anthropic's format."""
    system, asked = _QUESTION
    body: dict[str, Any] = {"model": model, "max_tokens": 600, "temperature": 0.7}
    body |= {"system": system["content"], "messages": [asked]}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()


def request(port: int, body: bytes, headers: dict[str, str], *, path: str = "/v1/chat/completions") -> bytes:
    """A whole HTTP request, for a chat completion unless `path` says otherwise."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer() -> bytes:
    """A whole HTTP response with an answer."""
    message = {"role": "assistant", "content": _ANSWER, "refusal": None}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    return _response(200, {**_head("chat.completion"), "choices": choices, "usage": _USAGE})


def anthropic_answer() -> bytes:
    """The same answer in Anthropic's format."""
    said = {"id": "msg_bench", "type": "message", "role": "assistant", "model": CLAUDE}
    content = [{"type": "text", "text": _ANSWER}]
    usage = {"input_tokens": 31, "output_tokens": 84}
    return _response(
        200, {**said, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    )


def bedrock_answer() -> bytes:
    """The same answer as Bedrock's Converse gives it."""
    message = {"role": "assistant", "content": [{"text": _ANSWER}]}
    usage = {"inputTokens": 31, "outputTokens": 84, "totalTokens": 115}
    return _response(
        200,
        {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}},
    )


def failure() -> bytes:
    error = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
    return _response(500, {"error": error})


def stream() -> list[bytes]:
    """A whole HTTP response that streams `TOKENS` tokens; the first part ends with the first of them."""
    head = {**_head("chat.completion.chunk"), "usage": None}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    # Numbered, since LiteLLM takes a hundred equal chunks for a model that has lost its way.
    deltas += [{"content": f" {TOKEN}{number}"} for number in range(TOKENS)]
    events = [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]} for delta in deltas
    ]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]})
    events.append({**head, "choices": [], "usage": _STREAM_USAGE})
    parts = [_chunk(f"data: {json.dumps(event, separators=(',', ':'))}\n\n") for event in events]
    opening = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [opening + parts[0] + parts[1], b"".join(parts[2:]) + _chunk("data: [DONE]\n\n") + b"0\r\n\r\n"]


def anthropic_stream() -> list[bytes]:
    """The same stream in Anthropic's events."""
    usage = {"input_tokens": 31, "output_tokens": 1}
    said = {"id": "msg_bench", "type": "message", "role": "assistant", "model": CLAUDE, "content": []}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [{"type": "text_delta", "text": f" {TOKEN}{number}"} for number in range(TOKENS)]
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**said, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        block,
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": TOKENS},
        },
        {"type": "message_stop"},
    ]
    parts = [_chunk(f"event: {e['type']}\ndata: {json.dumps(e, separators=(',', ':'))}\n\n") for e in events]
    opening = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [opening + b"".join(parts[:3]), b"".join(parts[3:]) + b"0\r\n\r\n"]


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-bench",
        "object": kind,
        "created": 1_700_000_000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    }


def _response(status: int, body: dict[str, Any]) -> bytes:
    raw = json.dumps(body).encode()
    reason = "OK" if status == 200 else "Internal Server Error"
    return (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode()
        + raw
    )


def _chunk(text: str) -> bytes:
    raw = text.encode()
    return f"{len(raw):x}\r\n".encode() + raw + b"\r\n"
