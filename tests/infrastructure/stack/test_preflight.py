"""What `preflight` knows of the stack is what the stack is."""

from __future__ import annotations

from litellm_fallback_router.preflight.account import BOOTSTRAP_VERSION, OUR_ROLE
from tests.infrastructure.stack.templates import Synthesized


def test_bootstrap_version_is_the_one_that_the_template_asks_for(dev: Synthesized) -> None:
    (rule,) = dev.template["Rules"].values()
    assert f"version {BOOTSTRAP_VERSION} required" in rule["Assertions"][0]["AssertDescription"]


def test_log_role_of_a_stack_is_told_from_others(dev: Synthesized) -> None:
    """CloudFormation names a role STACK-LOGICALID-RANDOM."""
    (account,) = dev.of("AWS::ApiGateway::Account").values()
    logical_id = account["Properties"]["CloudWatchRoleArn"]["Fn::GetAtt"][0]
    assert all(part in f"{dev.stage.stack_name}-{logical_id}-x1y2z3" for part in OUR_ROLE)
