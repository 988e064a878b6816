"""A mapping's file is read, or the error says where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping.file import read_mapping


def _problem(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(path)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("name", ["mapping.json", "mapping.yaml", "mapping"])
def test_json_is_read_under_any_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("\ufeff" + json.dumps(ROUTER_STYLE_MAPPING), encoding="utf-8")

    assert read_mapping(file) == ROUTER_STYLE_MAPPING


def test_yaml_dates_stay_text_and_anchors_work(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yml"
    file.write_text("base: &b {x: 2024-10-21}\none: {<<: *b, y: 1}\ntwo: {<<: *b, x: 3}\n", encoding="utf-8")

    assert read_mapping(file) == {
        "base": {"x": "2024-10-21"},
        "one": {"x": "2024-10-21", "y": 1},
        "two": {"x": 3},
    }


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("m.yaml", b"a: 1\nb: [1,\n", "line 3, column 1"),
        ("m.yaml", b"a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed here"),
        ("m.yaml", b"a:\n\t- b\n", "line 2, column 1"),
        ("m.yaml", b"a: 1\nb: 2\na: 3\n", "line 3, column 1: 'a' is given twice"),
        ("m.yaml", b"a: !!python/object:os.system {}\n", "line 1, column 4"),
        ("m.yaml", b"a: \x00\n", "not text"),
        ("m.yaml", b"a: \xff\n", "not UTF-8 at byte 3"),
        ("m.yaml", b"a: " + b"9" * 5000, "holds a number that cannot be read"),
        ("m.yaml", b"[" * 50_000, "nested too deeply"),
        ("m.yaml", b"model_list: &all [{model_name: *all}]", "line 1, column 13: an alias stands inside"),
        ("m.yaml", b"&all\nstrategies: {a: *all}", "line 1, column 1: an alias stands inside"),
        ("m.yaml", b"a: 1\n---\nb: 2\n", "line 2, column 1"),
        ("m.json", b'{"a": 1\n"b": 2}', "line 2, column 1"),
        ("m.json", b'{"a": 1, "a": 2}', "'a' is given twice in one object"),
        ("m.json", b'{"a": ' + b"9" * 5000 + b"}", "holds a number that cannot be read"),
        ("m.json", b"[" * 200_000, "nested too deeply"),
        ("m.json", b" " * 5_000_001, "larger than 5,000,000 bytes"),
    ],
)
def test_broken_file_is_named_with_the_place(name: str, content: bytes, problem: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    found = _problem(file)

    assert found.startswith(f"{name}: ")
    assert problem in found


@pytest.mark.parametrize(
    "content", [b"api_key: *sk-secret\n", b"api_key: !sk-secret 1\n", b'api_key: "sk-secret\\q"\n']
)
def test_broken_yaml_never_quotes_the_file(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(content)

    problem = _problem(file)

    assert "line 1, column" in problem
    assert "sk-secret" not in problem


def test_missing_file_says_so(tmp_path: Path) -> None:
    assert _problem(tmp_path / "none.yaml") == (
        "none.yaml: cannot be read (No such file or directory); check ROUTER_CONFIG"
    )
    assert "Is a directory" in _problem(tmp_path)


@pytest.mark.parametrize("text", ["1_0", "1_0.5", "1:30", "1:30.5", "010", "0o10", "0x10", "0b11", "1_000_000", "+-1"])
def test_a_number_is_plain_digits(text: str, tmp_path: Path) -> None:
    """YAML 1.1 reads 10, 90, 8 ... of these: more than whoever wrote it may have meant."""
    file = tmp_path / "mapping.yaml"
    file.write_text(f"deadline: {text}\n", encoding="utf-8")

    assert read_mapping(file) == {"deadline": text}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("12", 12), ("-3", -3), ("0.5", 0.5), (".5", 0.5), ("1.", 1.0), ("2.5e-06", 2.5e-6), ("1.0E+3", 1000.0)],
)
def test_plain_digits_are_a_number(text: str, number: float, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(f"price: {text}\n", encoding="utf-8")
    read = read_mapping(file)["price"]

    assert (read, type(read)) == (number, type(number))
