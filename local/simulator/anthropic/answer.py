"""Anthropic's form of an answer: a message object, or the server-sent events that build one."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

from local.simulator.answers import pieces
from local.simulator.anthropic.request import MessagesCall
from local.simulator.conversation import Answer, signature
from local.simulator.provider import Frame

_FINISH = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "paused": "pause_turn",
    None: None,
}


def message(call: MessagesCall, answer: Answer | None) -> dict[str, Any]:
    """A message object; with no content and no stop reason when there is no answer."""
    whole = {**_envelope(call), "usage": _usage(call, answer), **_managed(call)}
    if answer:
        whole["content"] = [block for block, _ in _blocks(call, answer)]
        whole.update(_stop(call, answer))
    return whole


def events(call: MessagesCall, answer: Answer | None) -> Iterator[Frame]:
    """The server-sent events of a stream, from message_start to message_stop."""
    start = {**_envelope(call), "usage": {**_usage(call, None), "output_tokens": 1}}
    yield Frame(encode_event({"type": "message_start", "message": start}), "opening")
    if answer is not None:
        for index, (block, deltas) in enumerate(_blocks(call, answer)):
            yield from _block(index, _empty(block), deltas)
        usage = _usage(call, answer)
        del usage["service_tier"]
        ending = {"type": "message_delta", "delta": _stop(call, answer), "usage": usage, **_managed(call)}
        yield Frame(encode_event(ending), "finish")
    yield Frame(encode_event({"type": "message_stop"}), "finish")


def encode_event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


PING = encode_event({"type": "ping"})


_Filled = tuple[dict[str, Any], list[dict[str, Any]]]


def _blocks(call: MessagesCall, answer: Answer) -> Iterator[_Filled]:
    """Each content block, whole, and the deltas that fill it in a stream."""
    if answer.thinking:
        shown = answer.thinking if call.thoughts_shown else ""
        thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(shown)]
        signed = signature(shown)
        yield (
            {"type": "thinking", "thinking": shown, "signature": signed},
            [*thoughts, {"type": "signature_delta", "signature": signed}],
        )
    if answer.searched:
        yield from _search()
    if answer.text and not answer.refused:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
        yield {"type": "text", "text": answer.text}, deltas
    for one in answer.tool_calls:
        block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{one.id}", "name": one.name, "input": one.arguments}
        yield block, _written(one.arguments_json())


def _search() -> Iterator[_Filled]:
    """Source: platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, "Response" and "Streaming"."""
    call_id, asked = f"srvtoolu_01{secrets.token_hex(11)}", {"query": "the question"}
    use = {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": asked}
    yield use, _written(json.dumps(asked))
    page = {
        "type": "web_search_result",
        "url": "https://example.com/",
        "title": "Example Domain",
        "encrypted_content": "c2ltdWxhdGVk",
        "page_age": None,
    }
    yield {"type": "web_search_tool_result", "tool_use_id": call_id, "content": [page]}, []


def _written(arguments: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(arguments)]


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """A block as it begins."""
    match block["type"]:
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case "text":
            return {**block, "text": ""}
        case "tool_use" | "server_tool_use":
            return {**block, "input": {}}
        case _:
            return block


def _block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[Frame]:
    opening = {"type": "content_block_start", "index": index, "content_block": start}
    yield Frame(encode_event(opening), "opening")
    if index == 0:
        yield Frame(PING, "opening")
    for delta in deltas:
        yield Frame(encode_event({"type": "content_block_delta", "index": index, "delta": delta}), "content")
    yield Frame(encode_event({"type": "content_block_stop", "index": index}), "closing")


def _envelope(call: MessagesCall) -> dict[str, Any]:
    return {
        "id": f"msg_01{secrets.token_hex(11)}",
        "type": "message",
        "role": "assistant",
        "model": call.model.reported,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop(call: MessagesCall, answer: Answer) -> dict[str, Any]:
    reason = "refusal" if answer.refused else _FINISH[answer.finish]
    details = _refusal(call) if reason == "refusal" else None
    return {"stop_reason": reason, "stop_sequence": answer.stop_sequence, "stop_details": details}


def _refusal(call: MessagesCall) -> dict[str, Any]:
    """Source: types of the `anthropic` client, `BetaRefusalStopDetails`."""
    details = {"type": "refusal", "category": "general_harms", "explanation": None}
    if "fallback-credit" in call.beta:
        details["fallback_credit_token"] = f"fct_{secrets.token_hex(16)}"
    return details


def _managed(call: MessagesCall) -> dict[str, Any]:
    """Source: types of the `anthropic` client, `BetaContextManagementResponse`; there is nothing to clear here."""
    return {} if call.asked.context_management is None else {"context_management": {"applied_edits": []}}


def _usage(call: MessagesCall, answer: Answer | None) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": call.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.completion_tokens if answer else 0,
        "service_tier": "standard",
    }
    if answer and answer.searched:
        usage["server_tool_use"] = {"web_search_requests": 1}
    return usage
