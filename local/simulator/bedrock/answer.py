"""Bedrock's form of an answer: a ConverseResponse, or the binary events of a ConverseStream."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.simulator.answers import pieces
from local.simulator.bedrock import eventstream
from local.simulator.bedrock.errors import padding
from local.simulator.conversation import Answer, Call
from local.simulator.provider import Frame

_FINISH = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
_LATENCY_MS = 12


def response(call: Call, answer: Answer | None) -> dict[str, Any]:
    """A ConverseResponse; with no content when there is no answer."""
    content: list[dict[str, Any]] = []
    if answer and answer.text:
        content.append({"text": answer.text})
    for one in answer.tool_calls if answer else ():
        content.append({"toolUse": {"toolUseId": f"tooluse_{one.id}", "name": one.name, "input": one.arguments}})
    whole = {
        "output": {"message": {"role": "assistant", "content": content}},
        "usage": _usage(call, answer),
        "metrics": {"latencyMs": _LATENCY_MS},
    }
    if answer and answer.finish:
        whole["stopReason"] = _FINISH[answer.finish]
    return whole


def events(call: Call, answer: Answer | None) -> Iterator[Frame]:
    """The frames of a stream, from messageStart to metadata; none at all when there is no answer."""
    if answer is None:
        return
    yield _frame("messageStart", {"role": "assistant"}, "opening")
    index = 0
    if answer.text:
        for piece in pieces(answer.text):
            yield _frame("contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": piece}}, "content")
        yield _frame("contentBlockStop", {"contentBlockIndex": index}, "closing")
        index += 1
    for one in answer.tool_calls:
        start = {"toolUse": {"toolUseId": f"tooluse_{one.id}", "name": one.name}}
        yield _frame("contentBlockStart", {"contentBlockIndex": index, "start": start}, "opening")
        for piece in pieces(one.arguments_json()):
            delta = {"toolUse": {"input": piece}}
            yield _frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, "content")
        yield _frame("contentBlockStop", {"contentBlockIndex": index}, "closing")
        index += 1
    stop = _FINISH[answer.finish] if answer.finish else "end_turn"
    yield _frame("messageStop", {"stopReason": stop}, "finish")
    metadata = {"usage": _usage(call, answer), "metrics": {"latencyMs": _LATENCY_MS}}
    yield _frame("metadata", metadata, "finish")


def _frame(kind: str, payload: Mapping[str, Any], part: Any) -> Frame:
    return Frame(eventstream.event(kind, {**payload, "p": padding()}), part)


def _usage(call: Call, answer: Answer | None) -> dict[str, int]:
    written = answer.completion_tokens if answer else 0
    return {
        "inputTokens": call.prompt_tokens,
        "outputTokens": written,
        "totalTokens": call.prompt_tokens + written,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
    }
