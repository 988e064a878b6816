"""Prints the checks of `preflight` and `smoke`, and their progress."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .formatting import console

if TYPE_CHECKING:
    from ..checklist import Check

STYLES = {"ok": None, "warning": "yellow", "failed": "red"}


class Shown:
    """Write a line on stderr about what is being done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("")

    def say(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    @contextmanager
    def announce(self, what: str) -> Iterator[None]:
        """Names it while the context lasts."""
        self.say(what)
        yield


@contextmanager
def progress() -> Iterator[Shown]:
    """Nothing is shown where stderr is no terminal."""
    out = console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as shown:
        yield Shown(shown)


def show(title: str, checks: Sequence[Check], *, as_json: bool, **more: Any) -> None:
    """`more`: what JSON has beside the checks."""
    if as_json:
        typer.echo(json.dumps({**more, "checks": [asdict(check) for check in checks]}, indent=2))
        return
    table = Table(title=title, title_justify="left")
    table.add_column("check", overflow="fold")
    table.add_column("result", no_wrap=True)
    table.add_column("what was found", overflow="fold")
    for check in checks:
        table.add_row(check.name, check.status, check.seen, style=STYLES[check.status])
    out = console()
    out.print(table)
    for fix, names in _by_fix(checks).items():
        out.print(f"{', '.join(names)}\n  fix: {fix}", soft_wrap=True)


def _by_fix(checks: Sequence[Check]) -> dict[str, list[str]]:
    """What to do -> the lines it mends, so that each fix is read once; failures first."""
    fixes: dict[str, list[str]] = {}
    for check in sorted(checks, key=lambda one: one.status != "failed"):
        if check.fix:
            fixes.setdefault(check.fix, []).append(check.name)
    return fixes
