"""One JSON object in what a model wrote, whichever way it is cut into pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.adaptation.json_object import NotAnObjectError, ObjectText

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
GOOD = [
    "{}",
    ' \n{"a": [1, -2.5e+3, true, false, null, "x", {}, []]}\n ',
    '{"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9": "\u2028"}',
    '```json\n{"a": 1}\n```',
    '```\n{"a": 1}\n```\n',
    '``` JSON\r\n{"a": 1}```',
    '````json{"a": "```"}\n````',
    '```json\n{"a": 1}\n',
]
BAD = [
    "[]",
    '"a"',
    "1",
    "nothing of the kind",
    'Here it is: {"a": 1}',
    'Here it is:\n```json\n{"a": 1}\n```',
    '{"a": 1} That is all.',
    '```json\n{"a": 1}\n``` That is all.',
    '{"a": 1}\n```',
    '{"a": 1}{"b": 2}',
    "```json\n[]\n```",
    "```python\nprint({})\n```",
    "`{}`",
    "{'a': 1}",
    "{a: 1}",
    '{"a": 1,}',
    '{"a": [1,]}',
    '{"a" 1}',
    '{"a": }',
    '{"a": 1 "b": 2}',
    '{"a": [1}',
    '{"a": 1]',
    '{"a": 01}',
    '{"a": .5}',
    '{"a": 1.}',
    '{"a": +1}',
    '{"a": NaN}',
    '{"a": -Infinity}',
    '{"a": truely}',
    '{"a": "\n"}',
    '{"a": "\\x"}',
    '{"a": "\\u12g4"}',
    "{,}",
    '{"a": 1, 2}',
]


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def read(parts: list[str]) -> tuple[str, bool]:
    text = ObjectText()
    return "".join(text.feed(part) for part in parts), text.complete


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("text", GOOD)
def test_an_object_comes_out_as_it_was_written_without_what_is_around_it(text: str, size: int) -> None:
    said, complete = read(pieces(text, size))
    assert complete
    assert said == text[text.index("{") : text.rindex("}") + 1]
    assert isinstance(json.loads(said), dict)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("text", BAD)
def test_what_is_no_object_is_found(text: str, size: int) -> None:
    with pytest.raises(NotAnObjectError):
        read(pieces(text, size))


@pytest.mark.parametrize("text", GOOD)
def test_every_beginning_of_an_object_is_one(text: str) -> None:
    for end in range(len(text)):
        said, complete = read([text[:end]])
        assert complete == (text[:end].rfind("}") == text.rindex("}")), text[:end]
        assert text[text.index("{") :].startswith(said)


def test_nothing_is_passed_on_before_the_object_begins_and_all_of_it_at_once_from_there() -> None:
    text = ObjectText()
    assert [text.feed(part) for part in ("\n", "``", "`js", "on\n", '{"a', '": 1', "}\n", "```")] == [
        *("", "", "", ""),
        *('{"a', '": 1', "}", ""),
    ]


@given(OBJECTS, st.booleans(), st.integers(0, 4), st.data())
@settings(max_examples=300)
def test_agrees_with_pythons_reader_on_what_is_written_and_what_is_spoilt(
    value: dict[str, Any], ascii_only: bool, indent: int, data: st.DataObject
) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only, indent=indent or None)
    assert read(pieces(written, data.draw(st.integers(1, 9)))) == (written, True)
    at = data.draw(st.integers(0, len(written) - 1))
    spoilt = written[:at] + data.draw(st.sampled_from('{}[],:"\\0-e.tn \n')) + written[at + 1 :]
    assert is_object(spoilt) == is_object_to_python(spoilt)


def is_object(text: str) -> bool:
    try:
        return read([text])[1]
    except NotAnObjectError:
        return False


def is_object_to_python(text: str) -> bool:
    def no(name: str) -> None:
        raise ValueError(name)

    try:
        return isinstance(json.loads(text, parse_constant=no), dict)
    except ValueError:
        return False


def test_reads_long_deep_and_endless_answers() -> None:
    wide = json.dumps({"rows": [{"name": "x" * 50, "value": n} for n in range(5_000)]})
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    assert read(pieces(wide, 5)) == (wide, True)
    assert read([deep]) == (deep, True)
    assert read(["\n"] * 100_000) == ("", False)
