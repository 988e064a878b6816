"""Options and exit codes that commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FAILED, WRONG = 1, 2
"""Exit codes: it failed; wrong usage or configuration."""
Config = Annotated[
    Path | None,
    typer.Option("--config", exists=True, dir_okay=False, help="A mapping (YAML or JSON), or LiteLLM's config.yaml."),
]
Simulate = Annotated[
    bool, typer.Option("--simulate", help="Ask a simulator in the providers' place: no keys, no cost.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
