"""What each line of `adjusted` accounts for: leaves of the caller's that did not arrive as they came, and leaves of a
provider's body that are not the caller's.

A line `SUBJECT dropped`, `SUBJECT clamped to VALUE` (or raised, set to, sent as) accounts for the leaves whose path has
every name of its subject, and for that value; the others are listed. Any further line accounts for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.leaves import Asked, Leaf

Rule = Callable[[Asked, Leaf], bool]


def nothing(asked: Asked, leaf: Leaf) -> bool:
    return False


@dataclass(frozen=True)
class Effect:
    """`loses`: of the caller's leaves; `brings`: of the body's; `sides`: whose words are sent as whose."""

    loses: Rule = nothing
    brings: Rule = nothing
    sides: frozenset[tuple[str, str]] = frozenset()


def told(value: Any) -> Iterator[Any]:
    """Every value in a text that is JSON, and in the texts in it."""
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "[", '"'):
            try:
                inner = json.loads(value)
            except ValueError:
                return
            yield from told(inner)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from told(one)
    elif isinstance(value, list):
        for one in value:
            yield from told(one)
    else:
        yield value


_MESSAGE_WORDS = frozenset(
    {"role", "content", "type", "text", "tool_calls", "tool_call_id", "id", "function", "name", "arguments"}
    | {"user", "assistant", "tool", "INVALID_JSON"}
)


def _in_json(asked: Asked, leaf: Leaf) -> bool:
    """A message of the caller's as JSON: its words and the caller's values, nothing else."""
    if not isinstance(leaf.value, str) or leaf.value[:1] not in ("{", "["):
        return False
    known = [*(value for one in asked.leaves for value in told(one.value)), *asked.names, *_MESSAGE_WORDS]
    return all(
        value in known or asked.is_text(value) or (isinstance(value, str) and value[:1] in ("{", "[", '"'))
        for value in told(leaf.value)
    )


def _told_in_text(asked: Asked, leaf: Leaf) -> bool:
    said = [value for text in asked.sent_texts for value in told(text)]
    return leaf.names[0] == "messages" and (leaf.value in said or str(leaf.value).strip() in said or not leaf.value)


def _blank(asked: Asked, leaf: Leaf) -> bool:
    blank = leaf.value == [] or (isinstance(leaf.value, str) and not leaf.value.strip())
    return leaf.names[0] == "messages" and leaf.key in ("content", "text") and blank


def _blank_result(asked: Asked, leaf: Leaf) -> bool:
    return _blank(asked, leaf) and asked.messages[int(leaf.path[1])]["role"] == "tool"


def _unmarked(content: Any) -> Any:
    """Without cache marks, which are no text."""
    if not isinstance(content, list):
        return content
    return [{name: value for name, value in part.items() if name != "cache_control"} for part in content]


def _result_as_json(asked: Asked, leaf: Leaf) -> bool:
    results = [_unmarked(message.get("content")) for message in asked.messages if message["role"] == "tool"]
    try:
        return isinstance(leaf.value, str) and json.loads(leaf.value) in results
    except ValueError:
        return False


def _reference(asked: Asked, leaf: Leaf) -> bool:
    return leaf.free is not None and (leaf.key == "$ref" or "$defs" in leaf.names)


def _of_a_schema(asked: Asked, leaf: Leaf) -> bool:
    """Somewhere else in a schema of the caller's."""
    return leaf.free is not None and any(
        one.free is not None and (one.key, one.value) == (leaf.key, leaf.value) for one in asked.leaves
    )


def keys(*names: str) -> Rule:
    return lambda asked, leaf: leaf.key in names


def within(*names: str) -> Rule:
    """All of these are in the place's path."""
    return lambda asked, leaf: set(names) <= set(leaf.names)


def wrapped(asked: Asked, leaf: Leaf) -> bool:
    return leaf.key == "INVALID_JSON" and leaf.value in asked.said("arguments")


def _short_name(asked: Asked, leaf: Leaf) -> bool:
    return leaf.key == "name" and isinstance(leaf.value, str) and len(leaf.value) <= 64


def _structuring_tool(asked: Asked, leaf: Leaf) -> bool:
    return leaf.key in ("name", "description") and leaf.value == "json_tool_call"


def _choice_name(asked: Asked, leaf: Leaf) -> bool:
    return leaf.key == "name" or leaf.names[0] == "tool_choice"


_AS_TEXT = Effect(_told_in_text, _in_json, frozenset({("assistant", "user"), ("user", "assistant")}))
EFFECTS: Mapping[str, Effect] = {
    "tool calls and results written as text": _AS_TEXT,
    "opening assistant messages written as text": _AS_TEXT,
    "tools of earlier calls named, none to be called": Effect(
        brings=lambda asked, leaf: leaf.names[0] in ("tools", "tool_choice")
    ),
    "system message sent as user message": Effect(sides=frozenset({("system", "user")})),
    "developer sent as system": Effect(keys("role"), lambda asked, leaf: leaf.key == "role" and leaf.value == "system"),
    "empty messages dropped": Effect(_blank),
    "blank text dropped": Effect(_blank),
    "trailing white space dropped": Effect(lambda asked, leaf: str(leaf.value).rstrip() in asked.sent_texts),
    "tool call ids changed": Effect(keys("id", "tool_call_id"), keys("id", "tool_use_id", "toolUseId", "tool_call_id")),
    "tool names shortened": Effect(_choice_name, _short_name),
    "broken call arguments wrapped": Effect(keys("arguments"), wrapped),
    "empty tool results written as JSON": Effect(_blank_result, _result_as_json),
    "unsigned thinking dropped": Effect(within("thinking_blocks")),
    "thinking blocks dropped": Effect(
        lambda asked, leaf: not {"thinking_blocks", "reasoning_content"}.isdisjoint(leaf.names)
    ),
    "images and files of tool results sent in a user message": Effect(
        brings=lambda asked, leaf: (leaf.key, leaf.value) in (("role", "user"), ("content", "")),
        sides=frozenset({("tool", "user")}),
    ),
    "name dropped": Effect(within("messages", "name")),
    "tools $defs written out": Effect(_reference, _of_a_schema),
    "response_format $defs written out": Effect(_reference, _of_a_schema),
    "documents named by their contents": Effect(brings=within("document", "name")),
    "response_format asked for by a tool": Effect(brings=_structuring_tool),
    "response_format oneOf sent as anyOf": Effect(within("response_format", "oneOf"), within("anyOf")),
    "response_format additionalProperties set to false": Effect(
        within("response_format", "additionalProperties"),
        lambda asked, leaf: leaf.key == "additionalProperties" and leaf.value is False,
    ),
}
_REPLACED = re.compile(r"(?P<field>\w+) replaced by \"(?P<words>[^\"]+)\"")
_PLAIN = re.compile(r"(?P<subject>[\w$\[\]. -]+?) (?:dropped|clamped|raised|sent as|set to)\b(?P<rest>.*)", re.DOTALL)


def effect_of(line: str) -> Effect:
    if line in EFFECTS:
        return EFFECTS[line]
    if replaced := _REPLACED.match(line):
        return _replaced(replaced["field"], replaced["words"])
    if plain := _PLAIN.match(line):
        return _plain(set(re.findall(r"[\w$-]+", plain["subject"])), set(re.findall(r"[\w.]+", plain["rest"])))
    return Effect()


def _plain(names: set[str], instead: set[str]) -> Effect:
    """`names`: of the places that are changed. `instead`: words and numbers that are sent for them."""

    def loses(asked: Asked, leaf: Leaf) -> bool:
        return names <= {str(step) for step in leaf.path}

    def brings(asked: Asked, leaf: Leaf) -> bool:
        if "thinking" in instead and leaf.names[-2:] == ("thinking", "type"):
            return bool(leaf.value == "enabled")
        is_number = isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool)
        return f"{leaf.value:g}" in instead if is_number else isinstance(leaf.value, str) and leaf.value in instead

    return Effect(loses, brings)


def _replaced(field: str, words: str) -> Effect:
    def brings(asked: Asked, leaf: Leaf) -> bool:
        return isinstance(leaf.value, str) and words in leaf.value and asked.is_text(leaf.value.replace(words, " "))

    return Effect(within(field), brings)
