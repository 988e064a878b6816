"""`fallback-router replay`: the log's requests again, under the mapping as it is and under another."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import typer
from rich.table import Table

from .. import bootstrap, replays
from ..replay import Summary, draw, read_log, recorded_outcomes, replayed, summary_of
from ..routing.errors import ConfigurationError
from ..routing.mapping import RouterConfig
from .command_context import command_context
from .formatting import console, listed, warn, warn_of

MOST_BYTES = 512 * 1024 * 1024
"""Of a log."""
MOST_REQUESTS = 200_000
"""Of one replay: some minutes."""


def replay(log: str, config_file: Path | None, other: Path | None, picture: Path | None, *, as_json: bool) -> None:
    """Print what happened beside what would have. Raises ConfigurationError."""
    requests, unusable = read_log(_text(log))
    if not requests:
        raise ConfigurationError([f"{log}: holds no request_answered or request_failed line with a `history`"])
    if len(requests) > MOST_REQUESTS:
        raise ConfigurationError([f"{log}: more than {MOST_REQUESTS:,} requests; choose a shorter time"])
    if unusable:
        warn(f"left out: {unusable} requests whose callers left, that a cache answered, or without a `history`")
    summaries = {"recorded": summary_of(recorded_outcomes(requests))}
    assumed: set[str] = set()
    files = {"before": config_file} if other is None else {"before": config_file, "after": other}
    for name, file in files.items():
        config = _loaded(file)
        outcomes, unknown = replayed(config, requests, partial(replays.dependencies_of, config))
        summaries[name], assumed = summary_of(outcomes), assumed | unknown
    if assumed:
        warn(f"not in the log, so taken to answer like the median of its answers: {listed(sorted(assumed))}")
    if picture is not None:
        picture.write_text(draw(summaries, f"{len(requests):,} requests, replayed"), encoding="utf-8")
    if as_json:
        found = {name: asdict(summary) for name, summary in summaries.items()}
        typer.echo(json.dumps({"left_out": unusable, "assumed": sorted(assumed), "summaries": found}, indent=2))
    else:
        console().print(_table(summaries))


def _text(log: str) -> str:
    if log == "-":
        return sys.stdin.read(MOST_BYTES)
    path = Path(log)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigurationError([f"{log}: larger than {MOST_BYTES:,} bytes; choose a shorter time"])
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{log}: cannot be read: {error}"]) from error


def _loaded(file: Path | None) -> RouterConfig:
    with command_context(file, simulate=False) as settings:
        config = bootstrap.load(settings)
    warn_of(config)
    return config


def _table(summaries: Mapping[str, Summary]) -> Table:
    table = Table("", *summaries, title="Replay", title_justify="left", caption_justify="left")
    table.caption = "recorded: as it was; before and after: replayed under the mapping, and under the one of --with."
    rows = {
        "requests": [f"{s.requests:,}" for s in summaries.values()],
        "failed": [f"{s.failures:,}" for s in summaries.values()],
        "answered by a fallback": [f"{s.fallbacks:,}" for s in summaries.values()],
        "attempts": [f"{s.attempts:,}" for s in summaries.values()],
        "p50 seconds": [f"{s.p50:.2f}" for s in summaries.values()],
        "p99 seconds": [f"{s.p99:.2f}" for s in summaries.values()],
        "p99 seconds to the first token": [
            "" if s.p99_first_token is None else f"{s.p99_first_token:.2f}" for s in summaries.values()
        ],
        "US dollars": [f"{s.usd:.4f}" for s in summaries.values()],
        "of it wasted": [f"{s.wasted_usd:.4f}" for s in summaries.values()],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table
