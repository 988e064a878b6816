"""What the documentation says, in a form that a test can hold against the code.

A page marks a fenced block with `<!-- example: NAME -->`, or `<!-- example: NAME, SITUATION -->`, and the block that
shows what comes of it with `<!-- output: NAME -->`. Text that must be the code's own stands between `<!-- NAME -->`
and `<!-- /NAME -->`.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"^<!-- (?P<part>example|output): (?P<name>[\w-]+)(?:, (?P<situation>[^>]+))? -->\n"
    r"```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Example:
    name: str
    situation: str
    """What goes wrong while it runs; empty: nothing."""
    language: str
    text: str
    output: str | None
    """What the page says comes of it; None where it does not say."""


def examples(page: Path) -> dict[str, Example]:
    """The marked examples of a page, by name."""
    blocks = list(_BLOCK.finditer(page.read_text(encoding="utf-8")))
    outputs = {block["name"]: block["text"] for block in blocks if block["part"] == "output"}
    found: dict[str, Example] = {}
    for block in blocks:
        name = block["name"]
        if block["part"] == "example":
            assert name not in found, f"{page.name} has two examples named {name}"
            found[name] = Example(
                name, block["situation"] or "", block["language"], block["text"], outputs.pop(name, None)
            )
    assert not outputs, f"{page.name} shows the output of no example: {', '.join(outputs)}"
    return found


def between_markers(page: Path, name: str) -> str:
    """The text between `<!-- NAME -->` and `<!-- /NAME -->`."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    assert begin in text, f"{page.name} has no {begin}"
    assert end in text, f"{page.name} has no {end}"
    return text.partition(begin)[2].partition(end)[0].strip()


def docstrings(source: str, class_name: str) -> dict[str, str]:
    """The docstring below each field or member of a class, on one line."""
    body = next(n.body for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == class_name)
    found = {}
    for member, text in pairwise(body):
        name = _assigned(member)
        if name is not None and isinstance(text, ast.Expr):
            found[name] = inspect.cleandoc(ast.literal_eval(text.value)).replace("\n", " ")
    return found


def _assigned(statement: ast.stmt) -> str | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else None
