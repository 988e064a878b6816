"""Commands that are distributions of their own, found where they are installed."""

from __future__ import annotations

from importlib import import_module

import typer

EVALUATION = "fallback_router_evaluation"


def add_evaluate(app: typer.Typer) -> None:
    """Adds `fallback-router evaluate`; where its distribution is missing, a command that prints how to install it."""
    try:
        commands = import_module(f"{EVALUATION}.commands")
    except ModuleNotFoundError as error:
        if error.name != EVALUATION:
            raise
        anything = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
        app.command("evaluate", context_settings=anything, help="Choose the chain by evidence (an extra).")(_missing)
    else:
        app.add_typer(commands.app, name="evaluate")


def _missing() -> None:
    install = f"pip install 'litellm-fallback-router[evaluation]', or in a checkout: pip install ./{EVALUATION}"
    typer.echo(f"evaluate is not installed: {install}", err=True)
    raise typer.Exit(2)
