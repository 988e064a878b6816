"""`fallback-router drill --stack` and `chains --stack`: what a stage proves by its own role, keys and network."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from .. import bootstrap
from ..drill import Order, Report, SealError, check_seals
from .command_context import command_context
from .deployed import Place, deployed
from .drill import Options, said_of, show
from .formatting import warn


def drill(config_file: Path | None, options: Options, place: Place, *, as_json: bool) -> bool:
    """Have the stage drill now and print the report that it kept; True if every hop was proven.

    `config_file`: the mapping whose deployments the fixes are for. Raises ConfigurationError.
    """
    with command_context(config_file, simulate=False) as settings:
        config = bootstrap.load(settings)
    with deployed(*place) as gateway:
        try:
            report = gateway.drill(Order(options.chains, options.max_usd))
        except SealError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        show(report, config)
    return report.well


def verify(place: Place) -> bool:
    """Check the seals of the stage's reports; True if all are as they were sealed."""
    with deployed(*place) as gateway:
        try:
            key = gateway.seal_key()
            reports = gateway.reports()
            check_seals(reports, key)
        except SealError as error:
            typer.echo(f"error: {error}", err=True)
            return False
    typer.echo(said_of(reports))
    return True


def newest_report(place: Place) -> Report | None:
    """The stage's last drill; None where it has not drilled yet, with a warning where its report is not as it was
    sealed."""
    with deployed(*place) as gateway:
        try:
            report = gateway.last_report()
            check_seals([] if report is None else [report], gateway.seal_key())
        except SealError as error:
            warn(f"the last drill's report is not used: {error}")
            return None
    return report
