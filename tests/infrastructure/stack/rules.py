"""Others' rule sets over a synthesized stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from tests.infrastructure.stack.templates import Synthesized

WARNINGS_OF_CDK = "W3005"
"""A dependency that CDK writes although a reference implies it."""


def nag_finds_nothing(
    synthesize: Callable[..., Synthesized], context: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Fails with what cdk-nag's AwsSolutions find that is not acknowledged."""
    try:
        synthesize(_nag, **context)
    except RuntimeError:
        pytest.fail(capfd.readouterr().err)
    assert "AwsSolutions" not in capfd.readouterr().err  # warnings do not fail a synthesis


def cfn_lint_finds_nothing(synthesized: Synthesized, *options: str) -> None:
    """Fails with what cfn-lint finds."""
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--ignore-checks",
        WARNINGS_OF_CDK,
        *options,
        "--",
        str(synthesized.file),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def _nag(app: cdk.App) -> cdk.IPolicyValidationPlugin:
    return AwsSolutionsChecks(app)
