"""Anthropic's form of an answer: a message object, or the server-sent events that build one."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

from local.simulator.answers import pieces
from local.simulator.conversation import Answer, Call, ToolCall, signature
from local.simulator.provider import Frame

_FINISH = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    None: None,
}


def message(call: Call, answer: Answer | None) -> dict[str, Any]:
    """A message object; with no content and no stop reason when there is no answer."""
    written = answer.completion_tokens if answer else 0
    whole = {**_envelope(call), "usage": _usage(call, written)}
    if answer:
        whole["content"] = [
            *([_thinking(answer.thinking, signature(answer.thinking))] if answer.thinking else []),
            *([{"type": "text", "text": answer.text}] if answer.text else []),
            *(_tool_use(one, one.arguments) for one in answer.tool_calls),
        ]
        whole.update(_stop(answer))
    return whole


def events(call: Call, answer: Answer | None) -> Iterator[Frame]:
    """The server-sent events of a stream, from message_start to message_stop."""
    start = {**_envelope(call), "usage": _usage(call, 1)}
    yield Frame(encode_event({"type": "message_start", "message": start}), "opening")
    if answer is not None:
        for index, (start, deltas) in enumerate(_blocks(answer)):
            yield from _block(index, start, deltas)
        usage = _usage(call, answer.completion_tokens)
        del usage["service_tier"]
        yield Frame(encode_event({"type": "message_delta", "delta": _stop(answer), "usage": usage}), "finish")
    yield Frame(encode_event({"type": "message_stop"}), "finish")


def encode_event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


PING = encode_event({"type": "ping"})


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each content block of a stream: how it starts, and the deltas that fill it."""
    if answer.thinking:
        thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(answer.thinking)]
        yield _thinking("", ""), [*thoughts, {"type": "signature_delta", "signature": signature(answer.thinking)}]
    if answer.text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
    for one in answer.tool_calls:
        parts = pieces(one.arguments_json())
        yield _tool_use(one, {}), [{"type": "input_json_delta", "partial_json": part} for part in parts]


def _block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[Frame]:
    opening = {"type": "content_block_start", "index": index, "content_block": start}
    yield Frame(encode_event(opening), "opening")
    if index == 0:
        yield Frame(PING, "opening")
    for delta in deltas:
        yield Frame(encode_event({"type": "content_block_delta", "index": index, "delta": delta}), "content")
    yield Frame(encode_event({"type": "content_block_stop", "index": index}), "closing")


def _envelope(call: Call) -> dict[str, Any]:
    return {
        "id": f"msg_01{secrets.token_hex(11)}",
        "type": "message",
        "role": "assistant",
        "model": call.model.reported,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop(answer: Answer) -> dict[str, Any]:
    return {"stop_reason": _FINISH[answer.finish], "stop_sequence": answer.stop_sequence}


def _thinking(text: str, signed: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signed}


def _tool_use(call: ToolCall, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": arguments}


def _usage(call: Call, written: int) -> dict[str, Any]:
    return {
        "input_tokens": call.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": written,
        "service_tier": "standard",
    }
