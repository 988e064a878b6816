"""`fallback-router preflight`: what an account must have before a deployment, looked up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from .. import bootstrap
from ..checklist import Check, well
from ..operation_errors import OperationError
from ..preflight.account import Load
from ..preflight.run import preflight as look
from ..routing.mapping import load_config, secret_providers
from ..routing.types import ModelInfo
from .checks_table import progress, show
from .command_context import command_context
from .formatting import console, warn_of


def preflight(config_file: Path | None, region: str | None, *, arch: str, load: Load, as_json: bool) -> bool:
    """Print what was found; True if nothing stands against a deployment. Raises ConfigurationError."""
    with command_context(config_file, simulate=False) as settings:
        # References stay references: their values here are not those in the Lambda.
        config = load_config(bootstrap.mapping_of(settings), lambda _provider, _model: ModelInfo())
    warn_of(config)
    try:
        with progress() as shown:
            looks = look(config, region, arch=arch, load=load)
            checks = list(looks.checks(shown.announce))
    except OperationError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    title = f"Before a deployment to {looks.region}, seen as {looks.caller}"
    show(title, checks, as_json=as_json, region=looks.region, caller=looks.caller)
    if not as_json:
        _conclude(checks, secret_providers(config.deployments))
    return well(checks)


def _conclude(checks: Sequence[Check], providers: Sequence[str]) -> None:
    out = console()
    if well(checks):
        out.print("Nothing that was looked at stands against a deployment.", style="green")
    else:
        failed = sum(check.status == "failed" for check in checks)
        out.print(f"{failed} of {len(checks)} checks failed: mend them before you deploy.", style="bold red")
    if providers:
        commands = " and ".join(f"`fallback-router secrets set {provider}`" for provider in providers)
        out.print(f"Not looked at: keys. After the deployment store them with {commands}.", soft_wrap=True)
