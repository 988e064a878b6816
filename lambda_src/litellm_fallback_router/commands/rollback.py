"""`fallback-router rollback`: a deployed gateway goes back to an earlier version of its function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .deployed import deployed

if TYPE_CHECKING:
    from ..adapters.lambda_versions import Served


def rollback(to: str | None, stack: str | None, region: str | None, *, show: bool) -> None:
    """Show the versions; unless `show`, stop a rollout or move the alias, and say what was done."""
    with deployed(stack, region) as gateway:
        served = gateway.versions()
        _print(gateway.name, served)
        if show:
            return
        if deployment := gateway.stop_rollout():
            typer.echo(f"stopped the rollout {deployment}: CodeDeploy moves the callers back, CloudFormation the stack")
            if to is not None:
                typer.echo(f"once callers are back: fallback-router rollback --to {to}")
        else:
            version, former = gateway.roll_back(served, to), served.current
            typer.echo(f"callers get version {version} instead of {former}; requests under way end where they began")
            typer.echo(f"back again: fallback-router rollback --to {former}; to stay: deploy a mended or older commit")
        for elsewhere in gateway.stack.other_regions:
            typer.echo(f"the stage in {elsewhere} has versions of its own: do the same with --region {elsewhere}")


def _print(name: str, served: Served) -> None:
    from rich.table import Table  # noqa: PLC0415 - only when needed

    from .formatting import console  # noqa: PLC0415

    grid = Table("version", "published", "requests", "state", title=f"Versions of {name}", title_justify="left")
    for one in served.versions:
        state = "rolled back" if one.number == served.avoided else one.state.lower()
        grid.add_row(one.number, one.published[:19].replace("T", " "), f"{one.share:.0%}" if one.share else "", state)
    console().print(grid)
