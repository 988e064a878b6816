"""`fallback-router spend`: what callers have spent, as a table, as CSV or as a picture."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from ..routing.accounts import SpendLine
from ..routing.callers import NANO, usd_text
from .formatting import console
from .key_options import place
from .spend_picture import draw

if TYPE_CHECKING:
    from ..local_keys import KeyPlace

GROUPS = ("day", "caller", "model")
COUNTS = ("requests", "prompt_tokens", "completion_tokens")
NOBODY = "(no key)"


def spend(
    by: str,
    days: int,
    picture: Path | None,
    where: tuple[Path | None, str | None, str | None],
    *,
    as_csv: bool,
) -> None:
    """`where`: the keys file, the stack and the Region, as the options name them."""
    groups = _groups(by)
    if picture is not None and picture.suffix != ".svg":
        raise typer.BadParameter("is written as SVG; name a file such as spend.svg", param_hint="--picture")
    today = datetime.fromtimestamp(time.time(), UTC).date()
    first = today - timedelta(days=days - 1)
    with place(*where) as keys:
        lines = keys.spent(first.isoformat(), today.isoformat())
        names = _names(keys)
        title = f"{keys.name}, {first} to {today} (UTC)"
    if picture is not None:
        _save(picture, draw(_bars(lines, groups, names), [str(first + timedelta(days=n)) for n in range(days)], title))
    elif as_csv:
        _print_csv(grouped(lines, groups), groups, names)
    else:
        _print_table(grouped(lines, groups), groups, names, title)


def _groups(by: str) -> list[str]:
    groups = [word.strip() for word in by.split(",") if word.strip()]
    for word in groups:
        if word not in GROUPS:
            raise typer.BadParameter(f"'{word}' is none of {', '.join(GROUPS)}", param_hint="--by")
    if not groups or len(set(groups)) < len(groups):
        raise typer.BadParameter(f"name each of {', '.join(GROUPS)} once at most, and one at least", param_hint="--by")
    return groups


def grouped(lines: Iterable[SpendLine], groups: Sequence[str]) -> list[SpendLine]:
    """One line for each value of `groups`: days in their order, else the dearest first."""
    sums: dict[tuple[str, ...], SpendLine] = {}
    for line in lines:
        day, caller, model = (getattr(line, name) if name in groups else "" for name in GROUPS)
        empty = SpendLine(day, caller, model)
        sums[empty.key] = sums.get(empty.key, empty) + line
    return sorted(sums.values(), key=lambda line: (line.day, -line.nano_usd, line.caller, line.model))


def _names(keys: KeyPlace) -> dict[str, str]:
    """What the operator calls the callers, by id, where that is more than the id."""
    return {one.entry.key.id: one.entry.key.name for one in keys.all() if one.entry.key.name}


def _caller(id: str, names: Mapping[str, str]) -> str:
    name = names.get(id)
    return id or NOBODY if name is None else f"{name} ({id})"


def _cells(line: SpendLine, groups: Sequence[str], names: Mapping[str, str]) -> list[str]:
    values = {"day": line.day, "caller": _caller(line.caller, names), "model": line.model or "-"}
    return [values[name] for name in groups]


def _print_table(lines: Sequence[SpendLine], groups: Sequence[str], names: Mapping[str, str], title: str) -> None:
    if not lines:
        typer.echo(f"nothing was spent: {title}")
        return
    table = Table(title=f"Spent: {title}", title_justify="left", show_footer=len(lines) > 1)
    total = sum(lines[1:], lines[0])
    for index, name in enumerate(groups):
        table.add_column(name, footer="" if index else "all")
    amounts = {"USD": _dollars(total.nano_usd), "wasted USD": _dollars(total.wasted_nano_usd)}
    amounts |= {name.replace("_", " "): f"{getattr(total, name):,}" for name in COUNTS}
    for name, footer in amounts.items():
        table.add_column(name, footer=footer, justify="right")
    for line in lines:
        counts = [f"{getattr(line, name):,}" for name in COUNTS]
        table.add_row(*_cells(line, groups, names), _dollars(line.nano_usd), _dollars(line.wasted_nano_usd), *counts)
    console().print(table)


def _print_csv(lines: Sequence[SpendLine], groups: Sequence[str], names: Mapping[str, str]) -> None:
    """Amounts exactly; a caller by id and name, in two columns."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = [column for name in groups for column in (("caller", "name") if name == "caller" else (name,))]
    writer.writerow([*columns, "usd", "wasted_usd", *COUNTS])
    for line in lines:
        values = {"day": line.day, "caller": line.caller, "name": names.get(line.caller, ""), "model": line.model}
        money = (usd_text(line.nano_usd), usd_text(line.wasted_nano_usd))
        writer.writerow([*(values[column] for column in columns), *money, *(getattr(line, name) for name in COUNTS)])


def _bars(lines: Iterable[SpendLine], groups: Sequence[str], names: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """USD by what the bars are made of, and by day: callers, unless models alone are asked for."""
    part = "model" if "caller" not in groups and "model" in groups else "caller"
    found: dict[str, dict[str, float]] = {}
    for line in grouped(lines, ("day", part)):
        name = line.model if part == "model" else _caller(line.caller, names)
        found.setdefault(name, {})[line.day] = line.nano_usd / NANO
    return found


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        typer.echo(f"error: --picture: {path} cannot be written: {error.strerror or type(error).__name__}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"drawn in {path}", err=True)


def _dollars(nano_usd: int) -> str:
    return f"{nano_usd / NANO:,.4f}"
