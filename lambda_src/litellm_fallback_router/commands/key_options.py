"""Options of the commands for callers' keys, and what is made of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..routing.callers import Priority
from ..routing.key_fields import FIELDS, MOST, key_of
from .deployed import deployed

if TYPE_CHECKING:
    from ..local_keys import KeyPlace
    from ..routing.callers import CallerKey

DAY = 86_400
NEVER = "never"

File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        dir_okay=False,
        help="Keys of the gateway on this machine, in this file, instead of a deployed gateway's. GATEWAY_KEYS_FILE "
        "where that is set and neither --stack nor --region is given.",
    ),
]
Name = Annotated[str | None, typer.Option(help="Whose key it is: a person, a team, a service.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        help="Names of the mapping that it may ask, also as patterns (openai-*), separated by commas; all if left out."
    ),
]
MaxUsd = Annotated[
    str | None, typer.Option("--max-usd", help="Budget in US dollars: 50/day, 2/hour, 500/month, or 20 for good.")
]
Rpm = Annotated[int | None, typer.Option(min=1, max=MOST, help="Requests a minute.")]
TpmIn = Annotated[int | None, typer.Option("--tpm-in", min=1, max=MOST, help="Prompt tokens a minute.")]
TpmOut = Annotated[int | None, typer.Option("--tpm-out", min=1, max=MOST, help="Completion tokens a minute.")]
Concurrency = Annotated[int | None, typer.Option(min=1, max=MOST, help="Requests under way at once.")]
OwnPriority = Annotated[
    Priority | None,
    typer.Option("--priority", help="Batch gives way to interactive where not all can be sent at once."),
]
Operator = Annotated[
    bool | None,
    typer.Option("--operator/--no-operator", help="It may look at the console, where every caller's spending is."),
]
KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="Its id, as `keys list` and the gateway's logs have it, or its name.")
]


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command that were given, as fields of a key."""
    fields = {name: options[name] for name in FIELDS if options[name] is not None}
    if not fields.get("models"):
        fields.pop("models", None)  # what may be given more than once is an empty list where it is not
    else:
        fields["models"] = [one.strip() for text in fields["models"] for one in text.split(",") if one.strip()]
    return fields


def limits_of(id: str, fields: dict[str, Any]) -> CallerKey:
    """Exits with 2 and the option's name where a field is not right."""
    try:
        return key_of(id, fields)
    except ValueError as error:
        field, _, why = str(error).partition(": ")
        raise typer.BadParameter(why, param_hint=option_of(field)) from None


def option_of(field: str) -> str:
    """`--max-usd` of `max_usd`."""
    return f"--{field.replace('_', '-')}"


def expiry(text: str | None) -> int | None:
    """`90d` or `2027-01-31` -> Unix seconds; None where it never expires."""
    if text is None or text == NEVER:
        return None
    if days := re.fullmatch(r"([1-9][0-9]{0,4})d", text):
        return int(time.time()) + int(days[1]) * DAY
    try:
        expires_at = int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        fix = "write a number of days such as 90d, a date such as 2027-01-31, or never"
        raise typer.BadParameter(fix, param_hint="--expires") from None
    if expires_at <= time.time():
        raise typer.BadParameter("is in the past; write a later date, or a number of days", param_hint="--expires")
    return expires_at


@contextmanager
def place(file: Path | None, stack: str | None, region: str | None) -> Iterator[KeyPlace]:
    """Where the keys are. What cannot be done ends the command with exit code 1 and says what to do."""
    if file is not None and (stack is not None or region is not None):
        raise typer.BadParameter("keys are in a file or of a deployed gateway: leave out --stack and --region")
    if file is None and stack is None and region is None:
        from ..settings import load_settings  # noqa: PLC0415 - only when needed

        file = load_settings().keys_file
    from ..local_keys import FileKeys, KeysError  # noqa: PLC0415 - only when needed

    try:
        if file is not None:
            yield FileKeys(file)
            return
        with deployed(stack, region) as gateway:
            from ..deployed_keys import DeployedKeys  # noqa: PLC0415 - AWS's libraries, only when needed

            yield DeployedKeys(gateway)
    except KeysError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
