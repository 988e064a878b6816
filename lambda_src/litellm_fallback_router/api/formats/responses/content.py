"""Content parts of items as those of chat messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....routing.errors import invalid, shown
from ....routing.request import missing, wrong_type
from ..notes import Notes, simplest, text_of

BREAKPOINT = "prompt_cache_breakpoint"
CACHE_MARK = {"type": "ephemeral"}
"""A breakpoint of OpenAI's cache, as Anthropic marks one."""
_FILE = {"file_data": "file_data", "filename": "filename", "file_url": "file_id"}
"""A chat's `file` has no field for a URL; those who take one take it as an id."""


def parts_of(content: Any, path: str, notes: Notes) -> list[dict[str, Any]]:
    """The content of a user's or an operator's message. Raises InvalidRequestError."""
    return [_input(part, f"{path}[{index}]", notes) for index, part in enumerate(_listed(content, path))]


def said_parts(content: Any, path: str, notes: Notes) -> list[dict[str, Any]]:
    """The content of an assistant's message. Raises InvalidRequestError."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_said(part, f"{path}[{index}]", notes) for index, part in enumerate(_listed(content, path))]


def result_content(output: Any, path: str, notes: Notes) -> Any:
    """What a tool gave. Raises InvalidRequestError."""
    if isinstance(output, str):
        return output
    return simplest(parts_of(output, path, notes))


def _listed(content: Any, path: str) -> list[Any]:
    if not isinstance(content, list):
        raise wrong_type(path, "a string or an array of content parts", content)
    return content


def _input(part: Any, path: str, notes: Notes) -> dict[str, Any]:
    kind = _kind(part, path)
    if kind in ("input_text", "text", "output_text"):
        made: dict[str, Any] = {"type": "text", "text": text_of(part, "text", path)}
        known = {"text"}
    elif kind == "input_image":
        made, known = _image(part, path, notes), {"image_url", "detail", "file_id"}
    elif kind == "input_file":
        made, known = _file(part, path, notes), {*_FILE, "file_id"}
    elif kind == "input_audio":
        made, known = {"type": "input_audio", "input_audio": part.get("input_audio")}, {"input_audio"}
    else:
        supported = "'input_text', 'input_image', 'input_file', 'input_audio'"
        text = f"Invalid value: '{shown(kind)}'. Supported values are: {supported}."
        raise invalid(text, f"{path}.type", "invalid_value")
    if part.get(BREAKPOINT) is not None:
        made["cache_control"] = CACHE_MARK
        notes.say(f"{path}.{BREAKPOINT} sent as cache_control")
    _rest(part, {*known, "type", BREAKPOINT}, path, notes)
    return made


def _said(part: Any, path: str, notes: Notes) -> dict[str, Any]:
    kind = _kind(part, path)
    if kind == "refusal":
        _rest(part, {"type", "refusal"}, path, notes)
        return {"type": "refusal", "refusal": text_of(part, "refusal", path)}
    if kind not in ("output_text", "input_text", "text"):
        text = f"Invalid value: '{shown(kind)}'. Supported values are: 'output_text', 'refusal'."
        raise invalid(text, f"{path}.type", "invalid_value")
    _rest(part, {"type", "text"}, path, notes)
    return {"type": "text", "text": text_of(part, "text", path)}


def _image(part: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    if part.get("file_id") is not None:
        notes.pin(f"{path}.file_id", "a file of OpenAI's by its id")
        return {"type": "text", "text": ""}
    image: dict[str, Any] = {"url": text_of(part, "image_url", path)}
    if (detail := part.get("detail")) is not None:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _file(part: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    if part.get("file_id") is not None:
        notes.pin(f"{path}.file_id", "a file of OpenAI's by its id")
        return {"type": "text", "text": ""}
    given = {ours: text_of(part, name, path) for name, ours in _FILE.items() if part.get(name) is not None}
    if not given.keys() & {"file_data", "file_id"}:
        raise missing(f"{path}.file_data")
    return {"type": "file", "file": given}


def _kind(part: Any, path: str) -> str:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object", part)
    return text_of(part, "type", path)


def _rest(part: Mapping[str, Any], known: set[str], path: str, notes: Notes) -> None:
    for name, value in part.items():
        if name not in known and value not in (None, []):
            notes.drop(f"{path}.{shown(name)}")
