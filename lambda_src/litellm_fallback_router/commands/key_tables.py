"""Keys as the commands print them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from ..routing.callers import CallerKey, KeyEntry, Priority, usd_text
from ..routing.interceptors import money_accounts
from .formatting import console, listed

if TYPE_CHECKING:
    from ..local_keys import KeyPlace, ListedKey
    from ..routing.accounts import Account


def account_of(entry: KeyEntry) -> Account | None:
    """What its budget is counted on; None: it has none."""
    budget = entry.key.max_usd
    return None if budget is None else money_accounts(f"key#{entry.key.id}", budget)


def limits(key: CallerKey) -> Iterator[str]:
    """What it may do, in words; nothing where nothing is limited."""
    if key.models:
        yield f"models {', '.join(key.models)}"
    if key.max_usd is not None:
        yield f"{key.max_usd} USD"
    counted = {"requests": key.rpm, "prompt tokens": key.tpm_in, "completion tokens": key.tpm_out}
    yield from (f"{limit} {what} a minute" for what, limit in counted.items() if limit is not None)
    if key.concurrency is not None:
        yield f"{key.concurrency} requests at once"
    if key.priority is Priority.BATCH:
        yield "batch"
    if key.operator:
        yield "operator"


def _limits_of(one: ListedKey) -> list[str]:
    return [f"cannot be read: {one.trouble}"] if one.trouble else list(limits(one.entry.key))


def summary(one: ListedKey) -> str:
    """On one line, behind the key's id: `, team-a, plan standard, 50/day USD, until 2027-01-31`."""
    key, until = one.entry.key, one.entry.expires_at
    words = [key.name] if key.name else []
    words += [] if one.plan is None else [f"plan {one.plan}"]
    words += [*limits(key), *([] if until is None else [f"until {day(until)}"])]
    return "".join(f", {word}" for word in words)


def print_list(keys: KeyPlace, now: float) -> None:
    columns = ("id", "plan", "state", "created", "expires", "name", "limits")
    table = Table(*columns, title=f"Keys of {keys.name}", title_justify="left")
    for one in keys.all():
        key, entry = one.entry.key, one.entry
        expires = "" if entry.expires_at is None else day(entry.expires_at)
        said = "; ".join(_limits_of(one))
        table.add_row(key.id, one.plan or "", entry.state(now), day(entry.created_at), expires, key.name, said)
    console().print(table)


def print_key(keys: KeyPlace, one: ListedKey) -> None:
    """What it may do, and what it has spent of its budget in this period."""
    entry, now = one.entry, time.time()
    until = "never" if entry.expires_at is None else day(entry.expires_at)
    rows = {
        "name": entry.key.name or "-",
        "state": entry.state(now),
        "created": day(entry.created_at),
        "expires": until,
        "limits": listed(_limits_of(one)),
    }
    if one.plan is not None:
        rows["plan"] = one.plan
    typer.echo(f"key {entry.key.id} of {keys.name}")
    for name, value in rows.items():
        typer.echo(f"  {name:<9}{value}")
    account = account_of(entry)
    if account is not None:
        _print_spent(keys, account, now)


def _print_spent(keys: KeyPlace, account: Account, now: float) -> None:
    spent = keys.balance(account)
    ends = account.period.ends(now)
    again = "never full again by itself" if ends is None else f"full again {minute(ends)} UTC"
    typer.echo(f"  budget   {usd_text(spent.limit)} USD in this period, {again}")
    typer.echo(f"  spent    {usd_text(spent.spent)} USD")
    if spent.held:
        typer.echo(f"  held     {usd_text(spent.held)} USD for requests under way")
    if spent.assumed:
        typer.echo(
            f"  assumed  {usd_text(spent.assumed)} USD: held by processes that ended before they said what it cost"
        )
    typer.echo(f"  left     {usd_text(spent.left)} USD")
    if spent.by_detail:
        table = Table("model", "USD")
        table.columns[1].justify = "right"
        for model, usd in sorted(spent.by_detail.items(), key=lambda item: -item[1]):
            table.add_row(model, usd_text(usd))
        console().print(table)


def day(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d")


def minute(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M")
