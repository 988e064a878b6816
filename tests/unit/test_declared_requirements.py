"""What the package imports is what its wheel asks for: an installer that follows the metadata alone gets a gateway."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from tests.support.documents import REPOSITORY

SOURCES = (REPOSITORY / "lambda_src" / "litellm_fallback_router", REPOSITORY / "local")
OWN = {"litellm_fallback_router", "local", "fallback_router_evaluation", "fallback_router_agentcore"}
ON_LAMBDA = {"mangum", "snapshot_restore_py"}
"""Imported by Lambda's doors alone, whose package is built from lambda_src/requirements.txt."""
NAME = re.compile(r"[A-Za-z0-9._-]+")


def canonical(name: str) -> str:
    """Source: PyPA, "Names and normalization"."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def asked_for() -> set[str]:
    """The distributions of the metadata, with what those ask for themselves; of other extras nothing."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    left = [*project["dependencies"], *project["optional-dependencies"]["telemetry"]]
    found: set[str] = set()
    while left:
        said = left.pop()
        name = canonical(NAME.match(said)[0])  # type: ignore[index] # each begins with its name
        if name in found or "extra ==" in said:
            continue
        found.add(name)
        try:
            left += requires(name) or []
        except PackageNotFoundError:
            continue  # for another platform
    return found


def test_every_import_is_of_a_distribution_that_the_wheel_asks_for() -> None:
    names = {name for source in SOURCES for path in source.rglob("*.py") for name in imported(path)}
    outside = {name for name in names - OWN - ON_LAMBDA if name not in sys.stdlib_module_names}
    known, declared = packages_distributions(), asked_for()
    missing = {
        name
        for name in outside
        if not name.startswith("mypy_boto3_") and declared.isdisjoint(map(canonical, known.get(name, [name])))
    }
    assert missing == set()
    assert {"httptools", "uvicorn", "litellm"} <= outside
