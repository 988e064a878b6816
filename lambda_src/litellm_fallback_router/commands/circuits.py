"""`fallback-router circuits`: which deployments of a deployed gateway are in service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .deployed import Region, Stack, deployed

if TYPE_CHECKING:
    from ..adapters.dynamodb.circuit_table import Reading

app = typer.Typer(
    help="Show the circuits of a deployed gateway; take a deployment out of service and back.", no_args_is_help=True
)
Deployment = Annotated[str, typer.Argument(help="A deployment of the mapping.")]
Table = Annotated[
    str | None, typer.Option(help="State table of the gateway, for those who may not read CloudFormation stacks.")
]
Config = Annotated[
    Path | None, typer.Option("--config", exists=True, dir_okay=False, help="The mapping that is deployed.")
]


@app.command("list")
def list_(config: Config = None, stack: Stack = None, region: Region = None, table: Table = None) -> None:
    """Show which circuits are open, and since when."""
    from rich.table import Table as Grid  # noqa: PLC0415 - only when needed

    from .formatting import console  # noqa: PLC0415

    known = _deployments(config)
    with deployed(stack, region, table) as gateway:
        reading = gateway.circuits(known)
        title = f"Circuits of {gateway.name}"
        grid = Grid("deployment", "circuit", "since", title=title, title_justify="left")
        for deployment in known:
            grid.add_row(deployment, *_state(deployment, reading))
        console().print(grid)


@app.command("open")
def open_(
    deployment: Deployment, config: Config = None, stack: Stack = None, region: Region = None, table: Table = None
) -> None:
    """Take a deployment out of service, until `close`. Running gateways follow within seconds."""
    _check(deployment, config)
    with deployed(stack, region, table) as gateway:
        gateway.open_circuit(deployment)
        typer.echo(f"{deployment} is out of service; `fallback-router circuits close {deployment}` brings it back")


@app.command()
def close(
    deployment: Deployment, config: Config = None, stack: Stack = None, region: Region = None, table: Table = None
) -> None:
    """Put a deployment back into service, whichever process opened its circuit."""
    _check(deployment, config)
    with deployed(stack, region, table) as gateway:
        gateway.close_circuit(deployment)
        typer.echo(f"{deployment} is in service")


def _deployments(config_file: Path | None) -> list[str]:
    """The ids of the mapping's deployments. Raises ConfigurationError."""
    from .. import bootstrap  # noqa: PLC0415 - only when needed
    from .command_context import command_context  # noqa: PLC0415

    with command_context(config_file, simulate=False) as settings:
        return [deployment.id for deployment in bootstrap.load(settings).deployments]


def _check(deployment: str, config_file: Path | None) -> None:
    known = _deployments(config_file)
    if deployment not in known:
        raise typer.BadParameter(
            f"the mapping has no deployment {deployment!r}; it has: {', '.join(known)}. Give the one that is deployed "
            "with --config"
        )


def _state(deployment: str, reading: Reading) -> tuple[str, str]:
    circuit = reading.circuits.get(deployment)
    if deployment in reading.drained:
        return "open, by an operator", ""
    if circuit is None or circuit.state == "CLOSED":
        return "closed", ""
    words = {"OPEN": "open", "HALF_OPEN": "open, being probed"}
    return words[circuit.state], datetime.fromtimestamp(circuit.opened_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
