"""`fallback-router keys`: who may call a deployed gateway."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from .deployed import Region, Stack, deployed

DAY = 86_400

app = typer.Typer(
    help="Create, list and revoke the keys that callers of a deployed gateway send.", no_args_is_help=True
)


def _expiry(text: str | None) -> int | None:
    """`90d` or `2027-01-31` -> Unix seconds."""
    if text is None:
        return None
    if days := re.fullmatch(r"([1-9][0-9]{0,4})d", text):
        return int(time.time()) + int(days[1]) * DAY
    try:
        expires_at = int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise typer.BadParameter("write a number of days such as 90d, or a date such as 2027-01-31") from None
    if expires_at <= time.time():
        raise typer.BadParameter("is in the past")
    return expires_at


@app.command()
def create(
    plan: Annotated[str, typer.Option(help="Usage plan: how much the caller may ask.")],
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 90d, or 2027-01-31 (0:00 UTC). Never if left out.")
    ] = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Make a key. It is printed once, on stdout, and stored nowhere: keep it now.

    OpenAI clients send it as their API key. It works within some seconds.
    """
    expires_at = _expiry(expires)
    with deployed(stack, region) as gateway:
        key, record = gateway.create_key(plan, expires_at)
        typer.echo(key)
        until = "" if expires_at is None else f" until {_day(expires_at)}"
        typer.echo(f"key {record.id} of {gateway.name}, plan {plan}{until}; it is not shown again", err=True)


@app.command("list")
def list_(stack: Stack = None, region: Region = None) -> None:
    """Show every key by its id, never the key itself."""
    from rich.table import Table  # noqa: PLC0415 - only when needed

    from .formatting import console  # noqa: PLC0415

    with deployed(stack, region) as gateway:
        records = gateway.keys()
        table = Table(
            "id", "plan", "state", "created", "expires", title=f"Keys of {gateway.name}", title_justify="left"
        )
        for record in records:
            expires = "" if record.expires_at is None else _day(record.expires_at)
            table.add_row(record.id, record.plan, record.state(time.time()), _day(record.created_at), expires)
        console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` and the gateway's logs name it.")],
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Refuse a key from now on. API Gateway remembers a permission for up to a minute."""
    with deployed(stack, region) as gateway:
        record = gateway.revoke_key(key_id)
        typer.echo(f"key {record.id} of {gateway.name} is revoked")


def _day(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d")
