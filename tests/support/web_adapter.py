"""The Lambda Web Adapter, built from its published crate."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.lambda_package import ROOT

CRATE = "lambda_web_adapter"
VERSION = "1.0.0-rc1"
"""The newest published crate. Its successor 1.1, which production uses, adds the SnapStart hooks, and is released as a
layer only."""
BUILD_TIMEOUT = 1800


def web_adapter() -> Path:
    """The adapter's program, built once per version (about a minute)."""
    home = ROOT / "build" / f"lambda-web-adapter-{VERSION}"
    program = home / "bin" / "lambda-adapter"
    if not program.exists():
        # Unoptimized: what is tested is what it does, not how fast.
        command = ["cargo", "install", CRATE, "--version", VERSION, "--locked", "--debug", "--quiet"]
        variables = {**os.environ, "CARGO_PROFILE_DEV_DEBUG": "0"}
        subprocess.run([*command, "--root", str(home)], check=True, env=variables, timeout=BUILD_TIMEOUT)
    return program
