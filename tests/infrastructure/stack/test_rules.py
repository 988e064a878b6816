"""What others' rule sets say of the template: cdk-nag's AwsSolutions, and cfn-lint."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from tests.infrastructure.stack.templates import EVERYTHING, Synthesized

WARNINGS_OF_CDK = "W3005"
"""A dependency that CDK writes although a reference implies it."""


def _nag(app: cdk.App) -> cdk.IPolicyValidationPlugin:
    return AwsSolutionsChecks(app)


@pytest.mark.parametrize("context", [{"stage": "dev"}, EVERYTHING], ids=["dev", "prod"])
def test_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(
    context: dict[str, str], synthesize: Callable[..., Synthesized], capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        synthesize(_nag, **context)
    except RuntimeError:
        pytest.fail(capfd.readouterr().err)
    assert "AwsSolutions" not in capfd.readouterr().err  # warnings do not fail a synthesis


@pytest.mark.parametrize("stage", ["dev", "prod", "buffered"])
def test_cfn_lint_finds_nothing(stage: str, request: pytest.FixtureRequest) -> None:
    synthesized: Synthesized = request.getfixturevalue(stage)
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--ignore-checks",
        WARNINGS_OF_CDK,
        "--",
        str(synthesized.file),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
