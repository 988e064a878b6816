"""`fallback-router keys`: who may call a gateway, what they may ask, and how much of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any

import typer

from ..routing.key_fields import FIELDS, key_fields
from .deployed import Region, Stack
from .key_options import (
    NEVER,
    Concurrency,
    File,
    KeyArgument,
    MaxUsd,
    Models,
    Name,
    Operator,
    OwnPriority,
    Rpm,
    TpmIn,
    TpmOut,
    expiry,
    given,
    limits_of,
    option_of,
    place,
)

app = typer.Typer(
    help="The keys that callers send: who may call, which models, how much and until when. Of a gateway deployed on "
    "AWS, or with --file of the gateway on this machine.",
    no_args_is_help=True,
)
budget = typer.Typer(help="What a key may spend.", no_args_is_help=True)
app.add_typer(budget, name="budget")


@app.command()
def create(
    context: typer.Context,
    *,
    name: Name = None,
    models: Models = None,
    max_usd: MaxUsd = None,
    rpm: Rpm = None,
    tpm_in: TpmIn = None,
    tpm_out: TpmOut = None,
    concurrency: Concurrency = None,
    priority: OwnPriority = None,
    operator: Operator = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 90d, or 2027-01-31 (0:00 UTC). Never if left out.")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help="Usage plan of a deployed gateway, by which API Gateway throttles; its only one if left out."
        ),
    ] = None,
    file: File = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Make a key. It is printed once, on stdout, and stored nowhere: keep it now.

    OpenAI clients send it as their API key. It works within some seconds. What is left out is not limited.

    fallback-router keys create --name team-a --models "openai-*" --max-usd 50/day --rpm 60 --expires 90d
    """
    fields = given(context.params)
    limits, expires_at = limits_of("new", fields), expiry(expires)
    with place(file, stack, region) as keys:
        key, listed = keys.create(limits, plan, expires_at)
        typer.echo(key)
        from .key_tables import summary  # noqa: PLC0415 - only when needed

        typer.echo(f"key {listed.entry.key.id} of {keys.name}{summary(listed)}; it is not shown again", err=True)


@app.command("set")
def set_(
    context: typer.Context,
    key: KeyArgument,
    *,
    name: Name = None,
    models: Models = None,
    max_usd: MaxUsd = None,
    rpm: Rpm = None,
    tpm_in: TpmIn = None,
    tpm_out: TpmOut = None,
    concurrency: Concurrency = None,
    priority: OwnPriority = None,
    operator: Operator = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 90d, 2027-01-31 (0:00 UTC), or never.")
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="Take a limit away: models, max-usd, rpm ... May be given more than once."),
    ] = None,
    file: File = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Change what a key may do. What is left out stays as it is.

    It counts within a second on this machine, and within a minute on AWS: API Gateway remembers a key for so long.
    A larger or smaller budget counts for the running period too; `keys budget add` raises that period alone.
    """
    fields = given(context.params)
    cleared = _cleared(clear or [], fields)
    if not fields and not cleared and expires is None:
        raise typer.BadParameter("nothing to change; give at least one option, such as --max-usd 50/day")
    expires_at = expiry(expires)
    with place(file, stack, region) as keys:
        from ..local_keys import found  # noqa: PLC0415 - only when needed
        from .key_tables import summary  # noqa: PLC0415 - only when needed

        listed = found(keys, key)
        old = listed.entry
        kept: dict[str, Any] = {field: value for field, value in key_fields(old.key).items() if field not in cleared}
        limits = limits_of(old.key.id, kept | fields)
        changed = replace(old, key=limits, expires_at=old.expires_at if expires is None else expires_at)
        keys.change(listed, changed)
        typer.echo(f"key {old.key.id} of {keys.name}{summary(replace(listed, entry=changed))}")


def _cleared(names: list[str], fields: dict[str, Any]) -> set[str]:
    cleared = {name.removeprefix("--").replace("-", "_") for name in names}
    if "expires" in cleared:
        raise typer.BadParameter(f"write --expires {NEVER} instead", param_hint="--clear")
    for name in sorted(cleared):
        if name not in FIELDS:
            known = ", ".join(option_of(field)[2:] for field in FIELDS)
            raise typer.BadParameter(f"there is no limit '{name}'; there are: {known}", param_hint="--clear")
        if name in fields:
            raise typer.BadParameter(f"{option_of(name)} is given too; leave one of them out", param_hint="--clear")
    return cleared


@app.command()
def show(key: KeyArgument, file: File = None, stack: Stack = None, region: Region = None) -> None:
    """What a key may do, what it has spent of its budget, what is left, and which models it was spent on."""
    with place(file, stack, region) as keys:
        from ..local_keys import found  # noqa: PLC0415 - only when needed
        from .key_tables import print_key  # noqa: PLC0415 - only when needed

        print_key(keys, found(keys, key))


@budget.command()
def add(
    key: KeyArgument,
    usd: Annotated[str, typer.Argument(metavar="USD", help="US dollars more, such as 20 or 0.5.")],
    file: File = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Raise what a key may still spend in the running period; from the next on it has its own budget again."""
    from ..routing.callers import Budget, Period, usd_text  # noqa: PLC0415 - only when needed

    try:
        more = Budget.parse(usd)
    except ValueError:
        more = None
    if more is None or more.period is not Period.EVER:
        raise typer.BadParameter(
            "must be an amount in US dollars without a period, such as 20 or 0.5", param_hint="USD"
        )
    with place(file, stack, region) as keys:
        from ..local_keys import KeysError, found  # noqa: PLC0415 - only when needed
        from .key_tables import account_of  # noqa: PLC0415 - only when needed

        entry = found(keys, key).entry
        account = account_of(entry)
        if account is None:
            raise KeysError(
                f"key {entry.key.id} has no budget; `fallback-router keys set {key} --max-usd` gives it one"
            )
        keys.add(account, more.nano_usd)
        left = keys.balance(account).left
        typer.echo(f"key {entry.key.id} of {keys.name} may spend {usd_text(left)} USD more in this period")


@app.command("list")
def list_(file: File = None, stack: Stack = None, region: Region = None) -> None:
    """Show every key by its id, never the key itself."""
    with place(file, stack, region) as keys:
        from .key_tables import print_list  # noqa: PLC0415 - only when needed

        print_list(keys, time.time())


@app.command()
def revoke(key: KeyArgument, file: File = None, stack: Stack = None, region: Region = None) -> None:
    """Refuse a key from now on. API Gateway remembers a permission for up to a minute."""
    with place(file, stack, region) as keys:
        from ..local_keys import found  # noqa: PLC0415 - only when needed

        listed = found(keys, key)
        keys.revoke(listed)
        typer.echo(f"key {listed.entry.key.id} of {keys.name} is revoked")
