"""One message as Claude and Bedrock's models take it: built from the fields they have, the others dropped and reported.

Nothing blank is left, since both refuse it: Anthropic with "text content blocks must contain non-whitespace text",
Bedrock with "The text field in the ContentBlock object ... is blank". What a tool gave, be it nothing, is an answer to
a call that needs one: a blank result is written as the JSON of itself. LiteLLM 1.106.2 would put words of its own
there (`factory.py`: `_sanitize_empty_text_content`, `skip_empty_text_blocks`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..request import THINKING_PARTS
from ..types import Deployment, Message
from .cache_marks import CacheMarks
from .report import Report, UnfitError

Part = dict[str, Any]

INVALID_JSON = "INVALID_JSON"
"""Where arguments of a call that are no JSON object go. Source: Anthropic "Fine-grained tool streaming: Handling
invalid JSON in tool responses", which names this key."""
UNKNOWN = "unknown fields dropped"
_TEXTS = ("text", "guarded_text", "grounding_source", "query")
_PART_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_TEXTS, ("type", "text")),
    "image_url": ("type", "image_url"),
    "file": ("type", "file"),
    "document": ("type", "citations", "context", "source", "title"),
}
_KNOWN_IN_PART = {kind: frozenset({*fields, "cache_control"}) for kind, fields in _PART_FIELDS.items()}
_COMMON = frozenset({"role", "content", "name", "cache_control"})
_FIELDS: Mapping[str, frozenset[str]] = {
    "system": _COMMON,
    "user": _COMMON,
    "assistant": _COMMON | {"tool_calls", "refusal", "thinking_blocks", "reasoning_content"},
    "tool": _COMMON | {"tool_call_id"},
}
_CALL_FIELDS = frozenset({"id", "type", "function", "cache_control"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_THOUGHT_FIELDS = ("type", "thinking", "signature", "data")


class MessageFit:
    """Fits messages to one deployment, one after the other."""

    def __init__(self, deployment: Deployment, report: Report) -> None:
        self._report = report
        self._marks = CacheMarks(deployment, report)
        self._claude = deployment.profile.claude
        self._converse = deployment.profile.dialect.converse

    def fit(self, message: Message) -> dict[str, Any] | None:
        """The message; None where it has no content."""
        role = message["role"]
        if role == "developer":
            role = "system"
            self._report.say("developer sent as system")
        self._say_unknown(message, _FIELDS[role])
        if message.get("name"):
            self._report.say("name dropped")
        mark = self._marks.of(message)
        if role == "tool":
            return self._result(message, mark)
        parts, thoughts = self._parts(message.get("content"))
        built: dict[str, Any] = {"role": role}
        if role == "assistant":
            self._say_more(message, parts, thoughts, built)
        if mark is not None:
            self._place(mark, parts, built)
        if parts or "tool_calls" in built:
            as_given = isinstance(message.get("content"), list)
            return {**built, "content": (parts or None) if as_given else written(parts)}
        self._report.say("empty messages dropped")
        if "thinking_blocks" in built:
            self._report.say("thinking blocks dropped")
        return None

    def _say_more(self, message: Message, parts: list[Part], thoughts: list[Part], built: dict[str, Any]) -> None:
        """What only an assistant's message has besides its content."""
        if message.get("refusal"):
            parts.append({"type": "text", "text": message["refusal"]})
        given = [dict(block) for block in message.get("thinking_blocks") or () if isinstance(block, Mapping)]
        if thoughts and given and given != thoughts:
            self._report.say("thinking blocks dropped")
        if kept := self._thoughts(thoughts or given):
            built["thinking_blocks"] = kept
        reasoning = message.get("reasoning_content")
        if reasoning and not any(reasoning == block.get("thinking") for block in kept):
            self._report.say("reasoning_content dropped" if self._claude else "thinking blocks dropped")
        if calls := message.get("tool_calls"):
            built["tool_calls"] = [self._call(call) for call in calls]

    def _thoughts(self, blocks: list[Part]) -> list[Part]:
        kept = []
        for block in blocks:
            redacted = block.get("type") == "redacted_thinking"
            if not self._claude:
                self._report.say("thinking blocks dropped")
            elif redacted and self._converse:
                self._report.say("redacted thinking dropped")
            elif not redacted and not block.get("signature"):
                self._report.say("unsigned thinking dropped")
            else:
                self._say_unknown(block, frozenset(_THOUGHT_FIELDS))
                kept.append({name: block[name] for name in _THOUGHT_FIELDS if name in block})
        return kept

    def _parts(self, content: Any) -> tuple[list[Part], list[Part]]:
        """The parts with content, and the thoughts among them."""
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        parts: list[Part] = []
        thoughts: list[Part] = []
        for given in content or ():
            if given.get("type") in THINKING_PARTS:
                thoughts.append(dict(given))
            elif (part := self._part(given)) is not None:
                parts.append(part)
        return parts, thoughts

    def _part(self, given: Mapping[str, Any]) -> Part | None:
        kind = given["type"]
        mark = self._marks.of(given)
        if kind == "refusal":
            given = {"type": "text", "text": str(given.get("refusal") or "")}
            kind = "text"
        self._say_unknown(given, _KNOWN_IN_PART[kind])
        part = {name: given[name] for name in _PART_FIELDS[kind] if given.get(name) is not None}
        if len(part) == 1:
            raise UnfitError("content", "takes no content part without what it is a part of")
        if kind in _TEXTS and not str(part.get("text") or "").strip():
            if part.get("text"):
                self._report.say("blank text dropped")
            if mark is not None:
                self._report.say("cache_control dropped")
            return None
        if kind == "image_url" and isinstance(part.get("image_url"), Mapping):
            part["image_url"] = self._kept(part["image_url"], {"url", "format"}, detail="detail dropped")
        elif kind == "file":
            part["file"] = self._file(part["file"] if isinstance(part["file"], Mapping) else {})
        elif kind == "document" and self._converse:
            self._say_unknown(part, frozenset({"type", "source"}), "document fields dropped")
            part = {"type": kind, "source": part.get("source")}
        return part if mark is None else {**part, "cache_control": mark}

    def _file(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kept = self._kept(given, {"file_data", "file_id", "format"}, filename="filename dropped")
        if not self._converse and kept.get("file_id") and not kept.get("file_data"):
            # LiteLLM takes one of an unknown format for an upload, and adds a tool that runs code.
            kept.setdefault("format", "application/pdf")
        return kept

    def _kept(self, given: Mapping[str, Any], fields: set[str], **dropped: str) -> dict[str, Any]:
        for name, line in dropped.items():
            if given.get(name) is not None:
                self._report.say(line)
        self._say_unknown(given, frozenset(fields | dropped.keys()))
        return {name: value for name, value in given.items() if name in fields and value is not None}

    def _call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        function = given["function"]
        self._say_unknown(given, _CALL_FIELDS)
        self._say_unknown(function, _FUNCTION_FIELDS)
        arguments = self._arguments(function["arguments"])
        call = {"id": given["id"], "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        mark = self._marks.of(given)
        return call if mark is None else {**call, "cache_control": mark}

    def _arguments(self, given: str) -> str:
        """JSON of an object that has one meaning and can be sent on: both APIs take nothing else."""
        if not given.strip():
            return "{}"
        if _is_object(given):
            return given
        self._report.say("broken call arguments wrapped")
        return json.dumps({INVALID_JSON: given}, ensure_ascii=False)

    def _result(self, message: Message, mark: dict[str, Any] | None) -> dict[str, Any]:
        content = message.get("content")
        if _is_blank(content):
            self._report.say("empty tool results written as JSON")
            if isinstance(content, list):
                marks = [found for part in content if (found := self._marks.of(part)) is not None]
                content = [{name: part[name] for name in ("type", "text")} for part in content]
                if len(marks) + (mark is not None) > 1:
                    self._report.say("cache_control dropped")
                mark = mark or (marks[-1] if marks else None)
            content = json.dumps(content, ensure_ascii=False)
        parts, _ = self._parts(content)
        if self._converse:
            mark = self._one_mark(parts, mark)
        built = {"role": "tool", "tool_call_id": message["tool_call_id"], "content": written(parts)}
        return built if mark is None else {**built, "cache_control": mark}

    def _one_mark(self, parts: list[Part], mark: dict[str, Any] | None) -> dict[str, Any] | None:
        """A result on Bedrock has its cache point behind it, and none inside."""
        marks = [part.pop("cache_control") for part in parts if "cache_control" in part]
        if mark is not None and marks:
            self._report.say("cache_control dropped")
        return mark or (marks[-1] if marks else None)

    def _place(self, mark: dict[str, Any], parts: list[Part], built: dict[str, Any]) -> None:
        """A message's own cache mark stands behind the last thing in it."""
        holder = built["tool_calls"][-1] if "tool_calls" in built else parts[-1] if parts else None
        if holder is None or "cache_control" in holder:
            self._report.say("cache_control dropped")
        else:
            holder["cache_control"] = mark

    def _say_unknown(self, owner: Mapping[str, Any], known: frozenset[str], line: str = UNKNOWN) -> None:
        if owner.keys() <= known:
            return  # almost all of them
        if any(value not in (None, [], {}, "") for name, value in owner.items() if name not in known):
            self._report.say(line)


def written(parts: list[Part]) -> str | list[Part] | None:
    """The parts as a message's content, in the plainest form."""
    if not parts:
        return None
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
        text: str = parts[0]["text"]
        return text
    return parts


def _is_blank(content: Any) -> bool:
    if isinstance(content, str):
        return not content.strip()
    return all(part.get("type") == "text" and not str(part.get("text")).strip() for part in content or ())


def _is_object(given: str) -> bool:
    """Whether that is the JSON of an object which is the same once it is read and written again.

    It is not with a number beyond floats (`1e999`), half of a surrogate pair ("no low surrogate in string" at
    Anthropic: anthropics/claude-code issue 2108) or two members of one name, of which one would vanish.
    """
    try:
        found = json.loads(given, object_pairs_hook=_members)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("two members of one name")
    return members
