"""`fallback-router secrets`: the providers' keys of a deployed gateway."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .deployed import Region, Stack, deployed

app = typer.Typer(help="Store the keys with which a deployed gateway asks its providers.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """Keeps `set` a command of its own: Typer would merge the only one of a group into the group."""


@app.command("set")
def set_(
    provider: Annotated[str, typer.Argument(help="As the mapping calls it: openai, anthropic ...")],
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Store a provider's key in AWS Secrets Manager.

    Asks for it without showing it; in a pipe it is read from standard input. Several credentials of one provider are a
    JSON object of variable names and keys. A running gateway uses it within five minutes: at once where the key
    before it is refused, within 30 seconds where there was none.
    """
    with deployed(stack, region) as gateway:
        secret = (
            typer.prompt(f"Key of {provider}", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
        )
        name = gateway.set_secret(provider, secret.strip())
        typer.echo(f"stored in secret {name}")
