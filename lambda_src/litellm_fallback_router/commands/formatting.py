"""Formats what the commands print."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from ..routing.mapping import RouterConfig

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or a pipe: wide enough for the longest model id."""


def console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; elsewhere wide enough not to wrap."""
    from rich.console import Console  # noqa: PLC0415 - the gateway has none

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDE, highlight=False, markup=False, emoji=False)


def warn(text: str) -> None:
    typer.secho(f"warning: {text}", fg=typer.colors.YELLOW, err=True)


def warn_of(config: RouterConfig) -> None:
    """Print a warning for each part of the mapping that is not used."""
    for warning in config.warnings:
        warn(warning)


def attempt_lines(attempts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ledger's attempts (`AttemptRecord.to_json`) in order, like ones in a row as one:
    `openai-gpt4o x2: 503 unavailable`, `bedrock-nova: answered`."""

    def words(attempt: Mapping[str, Any]) -> tuple[str, str]:
        return attempt["deployment"], attempt["reason"] or "answered"

    lines = []
    for (deployment, outcome), alike in groupby(attempts, key=words):
        count = len(list(alike))
        lines.append(f"{deployment}{f' x{count}' if count > 1 else ''}: {outcome}")
    return lines


def dropped_lines(dropped: Iterable[Mapping[str, Any]]) -> list[str]:
    """The deployments that were dropped, each with its reason (`Dropped.to_json`)."""
    return [f"{drop['deployment']}: not asked, {drop['reason']}" for drop in dropped]


def dollars(amount: float | None) -> str:
    return "price unknown" if amount is None else f"${amount:.6f}"


def listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
