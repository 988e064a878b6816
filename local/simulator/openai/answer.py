"""OpenAI's form of an answer: a chat.completion object, or server-sent chunks of it."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from local.simulator.answers import pieces
from local.simulator.conversation import Answer, Call, ToolCall
from local.simulator.provider import Frame

DONE = Frame(b"data: [DONE]\n\n", "finish")
_FINISH = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "paused": "stop",
    None: None,
}
_FINGERPRINT = "fp_simulator"


def completion(call: Call, answer: Answer | None) -> dict[str, Any]:
    """A chat.completion object; without choices when there is no answer."""
    choices = [] if answer is None else [_choice(call, answer, index) for index in range(call.n)]
    usage = _usage(call, answer)
    return {**_envelope(call, "chat.completion"), "choices": choices, "usage": usage}


def chunks(call: Call, answer: Answer | None) -> Iterator[Frame]:
    """The server-sent events of a stream, up to and with `[DONE]`."""
    envelope = _envelope(call, "chat.completion.chunk")
    if call.include_usage:
        envelope["usage"] = None  # as the API does in every chunk but the last

    def event(index: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return encode_event({**envelope, "choices": [choice]})

    if answer is not None:
        for index in range(call.n):
            opening: dict[str, Any] = {
                "role": "assistant",
                "content": None if answer.tool_calls else "",
                "refusal": None,
            }
            yield Frame(event(index, opening), "opening")
        field = "refusal" if answer.refused else "content"
        for piece in pieces(answer.text):
            for index in range(call.n):
                yield Frame(event(index, {field: piece}, logprobs=_logprobs(call, [piece])), "content")
        for position, tool_call in enumerate(answer.tool_calls):
            for delta, part in _tool_deltas(position, tool_call):
                for index in range(call.n):
                    yield Frame(event(index, {"tool_calls": [delta]}), part)
        for index in range(call.n):
            yield Frame(event(index, {}, finish=_FINISH[answer.finish]), "finish")
        if call.include_usage:
            last = {**envelope, "choices": [], "usage": _usage(call, answer)}
            yield Frame(encode_event(last), "finish")
    yield DONE


def encode_event(data: Any) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _envelope(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_urlsafe(21)}",
        "object": kind,
        "created": int(time.time()),
        "model": call.model.reported,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def _choice(call: Call, answer: Answer, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if answer.tool_calls or answer.refused else answer.text,
        "refusal": answer.text if answer.refused else None,
        "annotations": [],
    }
    if answer.tool_calls:
        message["tool_calls"] = [
            {"id": _call_id(one), "type": "function", "function": _function(one)} for one in answer.tool_calls
        ]
    logprobs = _logprobs(call, pieces(answer.text))
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": _FINISH[answer.finish]}


def _tool_deltas(position: int, call: ToolCall) -> Iterator[tuple[dict[str, Any], Any]]:
    yield (
        {
            "index": position,
            "id": _call_id(call),
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        },
        "opening",
    )
    for piece in pieces(call.arguments_json()):
        yield {"index": position, "function": {"arguments": piece}}, "content"


def _call_id(call: ToolCall) -> str:
    return f"call_{call.id}"


def _function(call: ToolCall) -> dict[str, str]:
    return {"name": call.name, "arguments": call.arguments_json()}


def _logprobs(call: Call, texts: list[str]) -> dict[str, Any] | None:
    return None if call.logprobs is None else {"content": _entries(call.logprobs, texts), "refusal": None}


def token_logprobs(call: Call, text: str) -> list[dict[str, Any]]:
    """The log probabilities of a text, as far as they were requested."""
    return [] if call.logprobs is None else _entries(call.logprobs, pieces(text))


def _entries(alternatives: int, texts: list[str]) -> list[dict[str, Any]]:
    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    content = []
    for text in texts:
        likeliest = [entry(text if rank == 0 else f"alternative{rank}", -0.01 - rank) for rank in range(alternatives)]
        content.append({**entry(text, -0.01), "top_logprobs": likeliest})
    return content


def _usage(call: Call, answer: Answer | None) -> dict[str, Any]:
    prompt = call.prompt_tokens
    written = answer.completion_tokens * call.n if answer else 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
