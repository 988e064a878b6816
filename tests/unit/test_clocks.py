"""No test depends on how long the suite takes: no clock is read while tests are only being collected."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "gmtime", "localtime"}
"""Functions of `datetime` and `time` that say what time it is."""


def run_at_import(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """What of a module runs when it is imported: all but the insides of functions."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = statement.args
            yield from (*statement.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults))
        elif isinstance(statement, ast.ClassDef):
            yield from statement.decorator_list
            yield from run_at_import(statement.body)
        else:
            yield statement


def clocks_read(source: str) -> list[int]:
    """Lines that read a clock at import, of which a lambda's inside is none."""
    lines = []
    left = list(run_at_import(ast.parse(source).body))
    while left:
        node = left.pop()
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CLOCKS:
                lines.append(node.lineno)
        left += [] if isinstance(node, ast.Lambda | ast.FunctionDef) else ast.iter_child_nodes(node)
    return lines


def test_no_clock_is_read_at_collection() -> None:
    files = [*(REPOSITORY / "tests").rglob("*.py"), REPOSITORY / "test_litellm_fallback.py"]
    found = {str(file.relative_to(REPOSITORY)): clocks_read(file.read_text(encoding="utf-8")) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "START = time.monotonic()",
        "@mark([datetime.now(UTC) + hour])\ndef test(): ...",
        "def helper(at=time.time()): ...",
        "class Case:\n    at = time()",
    ],
)
def test_a_clock_read_at_collection_is_found(source: str) -> None:
    assert len(clocks_read(source)) == 1


@pytest.mark.parametrize("source", ["def test():\n    time.time()", "later = lambda: time.time()", "clock = time.time"])
def test_a_clock_read_by_a_test_is_its_own(source: str) -> None:
    assert clocks_read(source) == []
