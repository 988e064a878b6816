"""Content blocks of messages as the parts of chat messages.

What has no form in a chat is Anthropic's own: such a request is pinned to deployments with this API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ....routing.errors import invalid, shown
from ....routing.request import missing, wrong_type
from ..notes import Notes, text_of

Part = dict[str, Any]
CACHE = "cache_control"


class Blocks:
    """Translates blocks one by one. Raises InvalidRequestError, naming the place."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def parts(self, content: Any, path: str) -> list[Part]:
        """What stands in a turn or a result, but for calls, results and thoughts."""
        return [part for block, place in listed(content, path) for part in self.part(block, place)]

    def part(self, block: Mapping[str, Any], path: str) -> list[Part]:
        """The parts that one block becomes."""
        translate = {
            "text": self._text,
            "image": self._image,
            "document": self._document,
            "search_result": self._search_result,
            "tool_reference": self._tool_reference,
        }.get(block["type"])
        if translate is None:
            self._notes.pin(path, f"a block of type '{shown(block['type'])[:40]}'")
            return []
        return translate(block, path)

    def _text(self, block: Mapping[str, Any], path: str) -> list[Part]:
        self._notes.drop_rest(block, {"type", "text", CACHE}, path)
        return [marked({"type": "text", "text": text_of(block, "text", path)}, block)]

    def _image(self, block: Mapping[str, Any], path: str) -> list[Part]:
        self._notes.drop_rest(block, {"type", "source", CACHE}, path)
        source, kind, place = _source(block, path)
        if kind == "base64":
            self._notes.drop_rest(source, {"type", "media_type", "data"}, place)
            return [marked({"type": "image_url", "image_url": {"url": _data_url(source, place)}}, block)]
        if kind == "url":
            self._notes.drop_rest(source, {"type", "url"}, place)
            return [marked({"type": "image_url", "image_url": {"url": text_of(source, "url", place)}}, block)]
        self._pin_source(kind, place)
        return []

    def _document(self, block: Mapping[str, Any], path: str) -> list[Part]:
        source, kind, place = _source(block, path)
        self._notes.drop_rest(block, {"type", "source", "title", "context", "citations", CACHE}, path)
        self._citations(block, path)
        if kind == "base64":
            self._notes.drop_rest(source, {"type", "media_type", "data"}, place)
            named = {"filename": block["title"]} if block.get("title") else {}
            return self._named(block, {"type": "file", "file": {"file_data": _data_url(source, place), **named}}, path)
        if kind == "url":
            self._notes.drop_rest(source, {"type", "url"}, place)
            file = {"file_id": text_of(source, "url", place), "format": "application/pdf"}
            return self._named(block, {"type": "file", "file": file}, path)
        if kind == "text":
            self._notes.drop_rest(source, {"type", "media_type", "data"}, place)
            self._notes.say(f"{path} sent as text")
            return [marked(_as_text(block, text_of(source, "data", place)), block)]
        if kind == "content":
            self._notes.drop_rest(source, {"type", "content"}, place)
            self._notes.say(f"{path} sent as its parts")
            parts = self.parts(source.get("content"), f"{place}.content")
            head = _as_text(block, "")
            return [*([head] if head["text"] else []), *parts[:-1], *(marked(part, block) for part in parts[-1:])]
        self._pin_source(kind, place)
        return []

    def _named(self, block: Mapping[str, Any], part: Part, path: str) -> list[Part]:
        """A file with its title and context."""
        if block.get("context"):
            self._notes.say(f"{path}.context sent as text")
            return [{"type": "text", "text": text_of(block, "context", path)}, marked(part, block)]
        if block.get("title") and "filename" not in part["file"]:
            self._notes.drop(f"{path}.title")
        return [marked(part, block)]

    def _search_result(self, block: Mapping[str, Any], path: str) -> list[Part]:
        self._notes.drop_rest(block, {"type", "title", "source", "content", "citations", CACHE}, path)
        self._citations(block, path)
        self._notes.say(f"{path} sent as text")
        found = [part["text"] for part in self.parts(block.get("content"), f"{path}.content") if part["type"] == "text"]
        head = [text_of(block, "title", path), text_of(block, "source", path)]
        return [marked({"type": "text", "text": "\n".join([*head, *found])}, block)]

    def _tool_reference(self, block: Mapping[str, Any], path: str) -> list[Part]:
        """A tool that a search of the caller's found. All are offered."""
        self._notes.drop_rest(block, {"type", "tool_name", CACHE}, path)
        self._notes.say(f"{path} sent as text")
        found = {"type": "tool_reference", "tool_name": text_of(block, "tool_name", path)}
        return [marked({"type": "text", "text": json.dumps(found)}, block)]

    def _citations(self, block: Mapping[str, Any], path: str) -> None:
        if (block.get("citations") or {}).get("enabled"):
            self._notes.drop(f"{path}.citations")

    def _pin_source(self, kind: str, path: str) -> None:
        what = "a file of Anthropic's by its id" if kind == "file" else f"a source of type '{shown(kind)[:40]}'"
        self._notes.pin(path, what)


def listed(content: Any, path: str) -> list[tuple[Mapping[str, Any], str]]:
    """The blocks of a content, each with its place; a text is one block. Raises InvalidRequestError."""
    if isinstance(content, str):
        return [({"type": "text", "text": content}, path)]
    if not isinstance(content, list):
        raise wrong_type(path, "a string or an array of content blocks", content)
    blocks: list[tuple[Mapping[str, Any], str]] = []
    for index, block in enumerate(content):
        place = f"{path}[{index}]"
        if not isinstance(block, dict):
            raise wrong_type(place, "an object", block)
        text_of(block, "type", place)
        blocks.append((block, place))
    return blocks


def marked(part: Part, block: Mapping[str, Any]) -> Part:
    """The part with its block's cache mark."""
    return part if block.get(CACHE) is None else {**part, CACHE: block[CACHE]}


def _source(block: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], str, str]:
    source, place = block.get("source"), f"{path}.source"
    if source is None:
        raise missing(place)
    if not isinstance(source, dict):
        raise wrong_type(place, "an object", source)
    return source, text_of(source, "type", place), place


def _data_url(source: Mapping[str, Any], path: str) -> str:
    media_type, data = text_of(source, "media_type", path), text_of(source, "data", path)
    if not data:
        raise invalid(f"Invalid '{path}.data': it is empty.", f"{path}.data", "invalid_value")
    return f"data:{media_type};base64,{data}"


def _as_text(block: Mapping[str, Any], data: str) -> Part:
    said = [str(block[name]) for name in ("title", "context") if block.get(name)]
    return {"type": "text", "text": "\n".join([*said, *([data] if data else [])])}
