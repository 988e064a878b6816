"""A response as server-sent events: types of the `openai` client, `ResponseStreamEvent`."""

import json
import secrets
from collections.abc import Iterator
from typing import Any, Literal

from local.simulator.answers import pieces
from local.simulator.conversation import Answer
from local.simulator.openai.answer import token_logprobs
from local.simulator.openai.responses import answer as form
from local.simulator.openai.responses.request import TOO_LONG, ResponsesCall
from local.simulator.provider import Frame

_Part = Literal["opening", "content", "closing", "finish"]
_Event = tuple[str, dict[str, Any], _Part]
SERVER_ERROR = (
    "An error occurred while processing your request. You can retry your request, or contact us through our help "
    "center at help.openai.com if the error persists."
)


def frames(call: ResponsesCall, answer: Answer | None, made: list[dict[str, Any]]) -> Iterator[Frame]:
    """The events of a stream, numbered from 0. `made`: the items of the answer."""
    for number, (kind, fields, part) in enumerate(_events(call, answer, made)):
        yield Frame(encode(kind, number, fields), part)


def encode(kind: str, number: int, fields: dict[str, Any]) -> bytes:
    event = {"type": kind, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def failure(call: ResponsesCall, number: int) -> bytes:
    """The two events by which a stream ends that fails half-way; the first would be number `number`.

    Source of the first one's form, which is not that of the client's types: anomalyco/opencode issue 6071, dyad-sh/dyad
    issue 1672.
    """
    error = {"type": "server_error", "code": "server_error", "message": SERVER_ERROR, "param": None}
    told = form.failed(call, "server_error", SERVER_ERROR)
    return encode("error", number, {"error": error}) + encode("response.failed", number + 1, {"response": told})


def _events(call: ResponsesCall, answer: Answer | None, made: list[dict[str, Any]]) -> Iterator[_Event]:
    begun = form.envelope(call)
    yield "response.created", {"response": begun}, "opening"
    yield "response.in_progress", {"response": begun}, "opening"
    if call.too_long:
        error = {"type": "invalid_request_error", "code": "context_length_exceeded", "message": TOO_LONG}
        yield "error", {"error": {**error, "param": "input"}}, "finish"
        return
    for index, item in enumerate(made):
        yield "response.output_item.added", {"output_index": index, "item": _empty(item)}, "opening"
        yield from _filling(call, index, item)
        yield "response.output_item.done", {"output_index": index, "item": item}, "closing"
    whole = form.finished(call, answer, made)
    yield f"response.{whole['status']}", {"response": whole}, "finish"


def _empty(item: dict[str, Any]) -> dict[str, Any]:
    """An item as it begins."""
    match item["type"]:
        case "reasoning":
            return {**item, "summary": []}
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case "function_call":
            return {**item, "status": "in_progress", "arguments": ""}
        case "custom_tool_call":
            return {**item, "status": "in_progress", "input": ""}
        case _:
            return {**item, "status": "in_progress"}


def _filling(call: ResponsesCall, index: int, item: dict[str, Any]) -> Iterator[_Event]:
    where = {"output_index": index, "item_id": item["id"]}
    match item["type"]:
        case "reasoning":
            yield from _summarized(call, where, item)
        case "message":
            yield from _spoken(call, where, item)
        case "function_call":
            written, name = item["arguments"], item["name"]
            yield from _deltas(call, "response.function_call_arguments", where, written)
            yield "response.function_call_arguments.done", {**where, "name": name, "arguments": written}, "closing"
        case "custom_tool_call":
            yield from _deltas(call, "response.custom_tool_call_input", where, item["input"])
            yield "response.custom_tool_call_input.done", {**where, "input": item["input"]}, "closing"
        case "web_search_call":
            for step in ("in_progress", "searching", "completed"):
                yield f"response.web_search_call.{step}", where, "opening"


def _summarized(call: ResponsesCall, where: dict[str, Any], item: dict[str, Any]) -> Iterator[_Event]:
    kind = "response.reasoning_summary"
    for index, part in enumerate(item["summary"]):
        at = {**where, "summary_index": index}
        yield f"{kind}_part.added", {**at, "part": {"type": "summary_text", "text": ""}}, "opening"
        yield from _deltas(call, f"{kind}_text", at, part["text"])
        yield f"{kind}_text.done", {**at, "text": part["text"]}, "closing"
        yield f"{kind}_part.done", {**at, "part": part}, "closing"


def _spoken(call: ResponsesCall, where: dict[str, Any], item: dict[str, Any]) -> Iterator[_Event]:
    for index, part in enumerate(item["content"]):
        at = {**where, "content_index": index}
        refused = part["type"] == "refusal"
        empty = {**part, "refusal": ""} if refused else {**part, "text": "", "logprobs": []}
        yield "response.content_part.added", {**at, "part": empty}, "opening"
        if refused:
            yield from _deltas(call, "response.refusal", at, part["refusal"])
            yield "response.refusal.done", {**at, "refusal": part["refusal"]}, "closing"
        else:
            for piece in pieces(part["text"]):
                delta = {**at, "delta": piece, "logprobs": token_logprobs(call, piece), **_obfuscation(call)}
                yield "response.output_text.delta", delta, "content"
            done = {**at, "text": part["text"], "logprobs": part["logprobs"]}
            yield "response.output_text.done", done, "closing"
        yield "response.content_part.done", {**at, "part": part}, "closing"


def _deltas(call: ResponsesCall, kind: str, where: dict[str, Any], text: str) -> Iterator[_Event]:
    for piece in pieces(text):
        yield f"{kind}.delta", {**where, "delta": piece, **_obfuscation(call)}, "content"


def _obfuscation(call: ResponsesCall) -> dict[str, str]:
    """What hides a delta's length: types of the client, `StreamOptions`."""
    options = call.asked.stream_options
    hidden = options is None or options.include_obfuscation is not False
    return {"obfuscation": secrets.token_urlsafe(9)} if hidden else {}
