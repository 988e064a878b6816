"""What the commands for a deployed gateway have in common: its address, and the report of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..operations import DeployedGateway

Stack = Annotated[str | None, typer.Option(help="CloudFormation stack of the gateway; needed where there are several.")]
StackOrHere = Annotated[str | None, typer.Option("--stack", help="CloudFormation stack of a deployed gateway.")]
"""For commands that are about this machine where it is left out."""
Region = Annotated[str | None, typer.Option(help="AWS Region of the gateway; AWS's usual settings if left out.")]
Place = tuple[str, str | None]
"""A stack, and its Region where that was given."""


def place_of(stack: str | None, region: str | None) -> Place | None:
    """The place of `StackOrHere`; None: this machine. Raises BadParameter."""
    if stack is None and region is not None:
        raise typer.BadParameter("stands beside --stack", param_hint="--region")
    return None if stack is None else (stack, region)


@contextmanager
def deployed(stack: str | None, region: str | None, table: str | None = None) -> Iterator[DeployedGateway]:
    """The gateway. An error ends the command with exit code 1 and the fix."""
    from ..operation_errors import OperationError  # noqa: PLC0415 - AWS's libraries, only when needed
    from ..operations import DeployedGateway  # noqa: PLC0415

    try:
        yield DeployedGateway.find(stack, region, table)
    except OperationError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
