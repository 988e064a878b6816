"""`fallback-router replay`: the log's requests again, under the mapping as it is and under another."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import typer
from rich.table import Table

from .. import bootstrap, replays
from ..replay import Request, Summary, draw, read_log, recorded_outcomes, replayed, summary_of, usd_text
from ..routing.errors import ConfigurationError
from ..routing.mapping import RouterConfig
from .command_context import command_context
from .formatting import console, listed, warn, warn_of

MOST_BYTES = 512 * 1024 * 1024
"""Of a log."""
MOST_NAMED = 5
"""Models in a warning."""
_COMPRESSED = b"\x1f\x8b"
"""Source: RFC 1952, section 2.3.1."""
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
        warn(
            f"left out: {unusable} requests whose callers left, that a budget, the guardrail or a cache ended, or "
            "without a `history`"
        )
    summaries = {"recorded": summary_of(recorded_outcomes(requests))}
    assumed: set[str] = set()
    files = {"before": config_file} if other is None else {"before": config_file, "after": other}
    for name, file in files.items():
        config = _loaded(file)
        _warn_of_unknown(name, config, requests)
        outcomes, unknown = replayed(config, requests, partial(replays.dependencies_of, config))
        summaries[name], assumed = summary_of(outcomes), assumed | unknown
    ran, was = summaries["before"].failures, summaries["recorded"].failures
    if ran != was:
        warn(f"{ran:,} requests fail in before and {was:,} in the log, so compare after with before, not with recorded")
    if assumed:
        warn(f"not in the log, so taken to answer like the median of its answers: {listed(sorted(assumed))}")
    if picture is not None:
        _draw(picture, draw(summaries, f"{len(requests):,} requests, replayed"))
    if as_json:
        found = {name: asdict(summary) for name, summary in summaries.items()}
        typer.echo(json.dumps({"left_out": unusable, "assumed": sorted(assumed), "summaries": found}, indent=2))
    else:
        console().print(_table(summaries))


def _warn_of_unknown(name: str, config: RouterConfig, requests: Sequence[Request]) -> None:
    """Say that this may be the wrong mapping for the log."""
    asked = Counter(one.model for one in requests)
    unknown = {
        model: times for model, times in asked.items() if model not in config.chains and model not in config.aliases
    }
    if unknown:
        option = "--config" if name == "before" else "--with"
        models = listed(sorted(unknown, key=lambda model: -unknown[model])[:MOST_NAMED])
        warn(f"{name}: {sum(unknown.values()):,} requests fail, since the mapping of {option} has no model {models}")


def _text(log: str) -> str:
    """The log as text: it may begin with a byte order mark, and end inside a character. Raises ConfigurationError."""
    try:
        with sys.stdin.buffer if log == "-" else Path(log).open("rb") as file:
            found = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError([f"{log}: cannot be read: {error.strerror}"]) from error
    if len(found) > MOST_BYTES:
        raise ConfigurationError([f"{log}: larger than {MOST_BYTES:,} bytes; choose a shorter time"])
    if found.startswith(_COMPRESSED):
        raise ConfigurationError([f"{log}: is compressed; unpack it: gunzip -c {log} | fallback-router replay -"])
    return found.decode("utf-8-sig", errors="replace")


def _draw(file: Path, picture: str) -> None:
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError([f"--picture: {file} cannot be written: {error.strerror}"]) from error


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
        "US dollars": [usd_text(s.usd) for s in summaries.values()],
        "of it wasted": [usd_text(s.wasted_usd) for s in summaries.values()],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table
