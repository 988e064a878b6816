"""Bedrock's form of an answer: a ConverseResponse, or the binary events of a ConverseStream."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.simulator.answers import pieces
from local.simulator.bedrock import eventstream
from local.simulator.bedrock.errors import padding
from local.simulator.conversation import Answer, Call, ToolCall, signature
from local.simulator.provider import Frame

_FINISH = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "paused": "end_turn",
}
_LATENCY_MS = 12


def response(call: Call, answer: Answer | None) -> dict[str, Any]:
    """A ConverseResponse; with no content when there is no answer."""
    whole = {
        "output": {"message": {"role": "assistant", "content": list(_content(answer)) if answer else []}},
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
    for index, (start, deltas) in enumerate(_blocks(answer)):
        if start:
            yield _frame("contentBlockStart", {"contentBlockIndex": index, "start": start}, "opening")
        for delta in deltas:
            yield _frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, "content")
        yield _frame("contentBlockStop", {"contentBlockIndex": index}, "closing")
    stop = _FINISH[answer.finish] if answer.finish else "end_turn"
    yield _frame("messageStop", {"stopReason": stop}, "finish")
    metadata = {"usage": _usage(call, answer), "metrics": {"latencyMs": _LATENCY_MS}}
    yield _frame("metadata", metadata, "finish")


def _content(answer: Answer) -> Iterator[dict[str, Any]]:
    """The content blocks of a whole answer."""
    if answer.thinking:
        signed = {"text": answer.thinking, "signature": signature(answer.thinking)}
        yield {"reasoningContent": {"reasoningText": signed}}
    if answer.text:
        yield {"text": answer.text}
    for one in answer.tool_calls:
        yield {"toolUse": {**_tool_start(one), "input": one.arguments}}


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each content block of a stream: its start (an event only for tool calls), and the deltas that fill it."""
    if answer.thinking:
        thoughts = [{"reasoningContent": {"text": piece}} for piece in pieces(answer.thinking)]
        yield {}, [*thoughts, {"reasoningContent": {"signature": signature(answer.thinking)}}]
    if answer.text:
        yield {}, [{"text": piece} for piece in pieces(answer.text)]
    for one in answer.tool_calls:
        yield {"toolUse": _tool_start(one)}, [{"toolUse": {"input": piece}} for piece in pieces(one.arguments_json())]


def _tool_start(call: ToolCall) -> dict[str, str]:
    return {"toolUseId": f"tooluse_{call.id}", "name": call.name}


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
