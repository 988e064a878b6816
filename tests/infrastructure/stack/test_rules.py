"""What others' rule sets say of the template: cdk-nag's AwsSolutions, and cfn-lint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import EVERYTHING, Synthesized


@pytest.mark.parametrize("context", [{"stage": "dev"}, EVERYTHING], ids=["dev", "prod"])
def test_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(
    context: dict[str, str], synthesize: Callable[..., Synthesized], capfd: pytest.CaptureFixture[str]
) -> None:
    nag_finds_nothing(synthesize, context, capfd)


@pytest.mark.parametrize("stage", ["dev", "prod", "buffered"])
def test_cfn_lint_finds_nothing(stage: str, request: pytest.FixtureRequest) -> None:
    cfn_lint_finds_nothing(request.getfixturevalue(stage))
