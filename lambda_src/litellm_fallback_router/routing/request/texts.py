"""The text inside a request or an answer: where it is, and how it is put back when a guardrail has masked it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

NO_TEXT = frozenset(
    {
        *("role", "type", "id", "tool_call_id", "index", "finish_reason", "format", "detail", "mime_type"),
        *("url", "data", "file_data", "file_id", "signature"),
    }
)
"""Fields whose string describes the others, points elsewhere, or is no text (images, sound, signatures)."""
PROMPTS = ("tools", "functions", "response_format", "prediction", "web_search_options")
"""Parameters that providers show to the model beside the messages."""
JSON = "arguments"
"""Field of a tool call whose string is JSON that providers and callers read as such."""
_MASK = r"(?:\{[^{}\"\s][^{}\"]*\}|\[[A-Z][^\[\]\"]*\])"
_PLAIN = r"[^\s,:\"\[\]{}]"
_STRINGS_AND_MASKS = re.compile(rf'"(?:[^"\\]|\\.)*"|(?<!{_PLAIN}){_PLAIN}*(?:{_MASK}{_PLAIN}*)+')
"""In masked JSON: its strings; and what is neither a string nor JSON, which is where a mask took a number's place."""
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\[bfnrt/]|\\.", re.DOTALL)
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
"""In JSON, of which the last may have been cut off."""
_BEGINS_AS_JSON = re.compile(r"\s*[{\[]\s*[\"{\[]")
"""And not as a remark in brackets, or as LaTeX."""
_CONTROL = re.compile(r"[\x00-\x1f]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def texts_in(value: Any) -> list[str]:
    """Every text in `value`, in order, without blank ones, which need no check."""
    return list(_texts(value))


def with_texts(value: Any, texts: Iterator[str]) -> Any:
    """A copy of `value` with `texts` in the places where `texts_in` found them.

    A block that is signed (a model's thinking) and would change is left out: it would no longer be what was signed.
    """
    if isinstance(value, str):
        return next(texts) if _is_text(value) else value
    if isinstance(value, Mapping):
        return {key: with_texts(inner, texts) if _is_read(key, inner) else inner for key, inner in value.items()}
    if isinstance(value, list | tuple):
        copies = [(item, with_texts(item, texts)) for item in value]
        return [copy for item, copy in copies if copy == item or not _is_signed(item)]
    return value


def json_in(value: Any) -> list[str]:
    """The arguments of every tool call in `value`, in order."""
    if isinstance(value, Mapping):
        own = [inner for key, inner in value.items() if key == JSON and isinstance(inner, str)]
        return own + [text for inner in value.values() for text in json_in(inner)]
    return [text for item in value for text in json_in(item)] if isinstance(value, list | tuple) else []


def is_json(text: str) -> bool:
    """Whether the text is a JSON object or array."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def readable(text: str) -> str:
    """JSON, or the beginning of some, as a guardrail is to read it: `\\u0066` is a letter, and the `n` of `\\n` none.
    Only quotes and backslashes stay escaped. Any other text is itself.
    """
    if "\\" not in text or not (_BEGINS_AS_JSON.match(text) or is_json(text)):
        return text
    return _ESCAPES.sub(_decoded, text)


def written(text: str) -> str:
    """JSON again, of what `readable` gave."""
    return _STRINGS.sub(lambda string: _CONTROL.sub(lambda one: json.dumps(one[0])[1:-1], string[0]), text)


def _decoded(escapes: re.Match[str]) -> str:
    if escapes[0][1] not in "bfnrtu/" or escapes[0] == "\\u":
        return escapes[0]
    said = json.loads(f'"{escapes[0]}"')
    # Half of a pair is no character that could be sent.
    whole: str = said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\\", "\\\\").replace('"', '\\"')


def still_json(text: str, masked: str) -> str:
    """`masked`, but where `text` was JSON and a mask took a number's place, with that mask as a string."""
    if text == masked or not is_json(text) or is_json(masked):
        return masked
    mended = _STRINGS_AND_MASKS.sub(lambda one: one[0] if one[0].startswith('"') else json.dumps(one[0]), masked)
    return mended if is_json(mended) else masked


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _is_text(value):
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if _is_read(key, inner):
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_text(value: str) -> bool:
    return bool(value.strip())


def _is_read(key: Any, inner: Any) -> bool:
    if not isinstance(inner, str):
        return True
    # A tool's name is matched letter by letter with its calls; one that is no identifier is free text.
    return key not in NO_TEXT and not (key == "name" and _IDENTIFIER.fullmatch(inner))


def _is_signed(value: Any) -> bool:
    return isinstance(value, Mapping) and "signature" in value
