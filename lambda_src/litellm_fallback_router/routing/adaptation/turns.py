"""A conversation as APIs take it that have turns: Anthropic's, and Bedrock's Converse.

Instructions stand in front, the first turn is the user's, the turns alternate, and each call of a tool is answered in
the next one. What stands elsewhere is moved or merged and reported; a message for which there is no place is written as
text: the message itself, as JSON. Nothing is made up; LiteLLM 1.106.2 would put a "Please continue." or an "Operator
note" there, or a tool that no caller has (`factory.py`, `mid_conversation_system.py`, `utils.add_dummy_tool`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..types import Deployment, Message
from .call_ids import with_fitting_ids
from .messages import MessageFit, Part, written
from .report import Report, UnfitError

WRITTEN_AS_TEXT = "tool calls and results written as text"
_DOCUMENTS = ("document", "file")


def fitted_turns(
    deployment: Deployment, messages: Sequence[Message], report: Report, *, calls_as_text: bool
) -> list[Message]:
    """The conversation for one deployment. Raises UnfitError where it cannot be sent. `calls_as_text`: there is no
    place for calls of tools and their results."""
    dialect, fit = deployment.profile.dialect, MessageFit(deployment, report)
    kept = [built for message in messages if (built := fit.fit(message)) is not None]
    system = [message for message in kept if message["role"] == "system"]
    turns = [message for message in kept if message["role"] != "system"]
    if kept[: len(system)] != system:
        report.say("system messages moved to the front")
    if not turns and system:
        # OpenAI answers an instruction alone; here only a user's turn is answered.
        turns = [{**system.pop(), "role": "user"}]
        report.say("system message sent as user message")
    if not turns:
        raise UnfitError("content", "takes no conversation without a word in it")
    turns = _merged_results(turns, report)
    opening = next((index for index, message in enumerate(turns) if message["role"] == "user"), len(turns))
    calls_as_text = calls_as_text or any("tool_calls" in message for message in turns[:opening])
    calls_as_text = calls_as_text or not (dialect.mixed_turns or _is_unmixed(turns))
    if calls_as_text:
        turns = _calls_as_text(turns, report)
    if turns[0]["role"] == "assistant":
        turns = _opened_by_the_user(turns, report)
    _check_end(deployment, turns, report)
    if any(one["role"] == two["role"] != "tool" for one, two in pairwise(turns)):
        report.say("consecutive messages merged")
    if dialect.converse:
        _check_documents(turns, report)
    return [*system, *with_fitting_ids(turns, dialect.call_id, report, unique=True)]


def _merged_results(turns: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    """One result for each call."""
    merged: list[dict[str, Any]] = []
    open_ids: dict[str, int] = {}
    for message in turns:
        if message["role"] != "tool":
            calls = [call["id"] for call in message.get("tool_calls", ())]
            if len(set(calls)) < len(calls):
                raise UnfitError("content", "takes no two tool calls of one id")
            open_ids = {}
        elif (name := message["tool_call_id"]) in open_ids:
            first = merged[open_ids[name]]
            merged[open_ids[name]] = {**first, "content": _parts(first) + _parts(message)}
            report.say("tool results merged")
            continue
        else:
            open_ids[name] = len(merged)
        merged.append(message)
    return merged


def _is_unmixed(turns: Sequence[Message]) -> bool:
    """No words beside calls, none beside results."""
    spoken = any(message.get("content") for message in turns if "tool_calls" in message)
    return not spoken and not any({one["role"], two["role"]} == {"tool", "user"} for one, two in pairwise(turns))


def _calls_as_text(turns: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    return [_call_as_text(message, report) for message in turns]


def _call_as_text(message: dict[str, Any], report: Report) -> dict[str, Any]:
    if message["role"] == "tool":
        report.say(WRITTEN_AS_TEXT)
        return {"role": "user", "content": _as_json(message, report)}
    if "tool_calls" not in message:
        return message
    report.say(WRITTEN_AS_TEXT)
    parts = [*_parts(message), {"type": "text", "text": _as_json({"tool_calls": message["tool_calls"]}, report)}]
    return {**{name: value for name, value in message.items() if name != "tool_calls"}, "content": written(parts)}


def _opened_by_the_user(turns: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    opening = next((index for index, message in enumerate(turns) if message["role"] != "assistant"), len(turns))
    if opening == len(turns):
        raise UnfitError("content", "takes no conversation without a word of the user's")
    report.say("opening assistant messages written as text")
    first = [{"role": "user", "content": _as_json(message, report)} for message in turns[:opening]]
    return [*first, *turns[opening:]]


def _as_json(message: Mapping[str, Any], report: Report) -> str:
    """A message of text as JSON."""
    if any(part["type"] != "text" for part in _parts(message)):
        raise UnfitError("content", "takes no images or files there, and they cannot be written as text")
    if "thinking_blocks" in message:
        report.say("thinking blocks dropped")
    return json.dumps(_unmarked(message, report), ensure_ascii=False)


def _unmarked(value: Any, report: Report) -> Any:
    """Without cache marks and thoughts, which are no text."""
    if isinstance(value, list):
        return [_unmarked(one, report) for one in value]
    if not isinstance(value, Mapping):
        return value
    if "cache_control" in value:
        report.say("cache_control dropped")
    gone = ("cache_control", "thinking_blocks")
    return {name: _unmarked(one, report) for name, one in value.items() if name not in gone}


def _parts(message: Mapping[str, Any]) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def _check_end(deployment: Deployment, turns: list[dict[str, Any]], report: Report) -> None:
    """The last turn is the user's, unless the model continues what an assistant began."""
    if turns[-1]["role"] != "assistant":
        return
    if deployment.info.prefill is False:
        raise UnfitError("content", "does not continue an assistant's message: the last one must be the user's")
    # Anthropic: "final assistant content cannot end with trailing whitespace"; LiteLLM cuts it off all of the turn.
    for index in range(len(turns) - 1, -1, -1):
        if turns[index]["role"] != "assistant":
            return
        given = _parts(turns[index])
        parts = [{**part, "text": part["text"].rstrip()} if part["type"] == "text" else part for part in given]
        if parts != given:
            report.say("trailing white space dropped")
            turns[index] = {**turns[index], "content": written(parts)}


def _is_document(part: Part) -> bool:
    file = part.get("file") or {}
    return part["type"] in _DOCUMENTS and not str(file.get("file_data")).startswith("data:image/")


def _check_documents(turns: Sequence[Message], report: Report) -> None:
    """Bedrock: "A text block must be included when using documents"; a turn is what follows without an answer."""
    document = text = False
    for message in [*turns, {"role": "assistant", "content": None}]:
        if message["role"] == "assistant":
            if document and not text:
                raise UnfitError("content", "takes a document only beside a text")
            if document:
                # Converse requires a name of each; LiteLLM makes one of its kind and a hash.
                report.say("documents named by their contents")
            document = text = False
        elif message["role"] == "user":
            document = document or any(_is_document(part) for part in _parts(message))
            text = text or any(part["type"] == "text" for part in _parts(message))
