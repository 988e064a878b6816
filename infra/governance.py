"""What Bedrock lends to every request beside models, by IAM: managed prompts.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock" (GetPrompt reads
a prompt, or a prompt's version).
"""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_iam import PolicyStatement

from litellm_fallback_router.routing.prompt_access import PromptAccess


def prompt_statement(scope: Stack, access: PromptAccess) -> PolicyStatement:
    """What the router's role must be allowed to read the prompts that callers may use, draft and versions."""
    resources = [resource for prompt in _arns(scope, access) for resource in (prompt, f"{prompt}:*")]
    return PolicyStatement(actions=["bedrock:GetPrompt"], resources=resources)


def prompt_findings(access: PromptAccess) -> dict[str, str]:
    """cdk-nag's word for each wildcard above, and why it stays."""
    reason = "Every version of one prompt: which of them a request names is not known before."
    region = access.where or "<AWS::Region>"
    own = f"arn:<AWS::Partition>:bedrock:{region}:<AWS::AccountId>:prompt/"
    return {f"IAM5[Resource::{one if one.startswith('arn:') else own + one}:*]": reason for one in access.allow}


def _arns(scope: Stack, access: PromptAccess) -> list[str]:
    return [
        one
        if one.startswith("arn:")
        else scope.format_arn(
            service="bedrock",
            region=access.where or scope.region,
            resource="prompt",
            resource_name=one,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        for one in access.allow
    ]
