"""What Bedrock lends to every request beside models: managed prompts and a guardrail.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock" (GetPrompt reads
a prompt, or a prompt's version; ApplyGuardrail knows a guardrail, not its versions).
"""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_bedrock import CfnGuardrail, CfnGuardrailVersion, CfnPrompt, CfnPromptVersion
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from litellm_fallback_router.routing.mapping import Guardrail, PromptAccess

VERSIONS = "Every version of one prompt: which of them a request names is not known before."


def prompt_statement(scope: Stack, access: PromptAccess) -> PolicyStatement:
    """What the router's role must be allowed to read the prompts that callers may use, draft and versions."""
    resources = [resource for prompt in _arns(scope, access) for resource in (prompt, f"{prompt}:*")]
    return PolicyStatement(actions=["bedrock:GetPrompt"], resources=resources)


def prompt_findings(access: PromptAccess) -> dict[str, str]:
    """cdk-nag's word for each wildcard above, and why it stays."""
    region = access.where or "<AWS::Region>"
    own = f"arn:<AWS::Partition>:bedrock:{region}:<AWS::AccountId>:prompt/"
    return {f"IAM5[Resource::{one if one.startswith('arn:') else own + one}:*]": VERSIONS for one in access.allow}


class NewPrompt(Construct):
    """A managed prompt to begin with, for a model of the mapping, and its first version."""

    def __init__(self, scope: Construct, id: str, *, name: str, model: str | None) -> None:
        super().__init__(scope, id)
        text = CfnPrompt.TextPromptTemplateConfigurationProperty(
            text="Answer in one sentence, for somebody new to the subject: {{question}}",
            input_variables=[CfnPrompt.PromptInputVariableProperty(name="question")],
        )
        variant = CfnPrompt.PromptVariantProperty(
            name="first",
            template_type="TEXT",
            template_configuration=CfnPrompt.PromptTemplateConfigurationProperty(text=text),
            model_id=model,
        )
        prompt = CfnPrompt(self, "Prompt", name=name, default_variant="first", variants=[variant])
        CfnPromptVersion(self, "Version", prompt_arn=prompt.attr_arn)
        self.id = prompt.attr_id
        self._arn = prompt.attr_arn
        token = f"<{Stack.of(self).get_logical_id(prompt)}.Arn>"
        self.findings = {f"IAM5[Resource::{token}:*]": VERSIONS}

    def statement(self) -> PolicyStatement:
        return PolicyStatement(actions=["bedrock:GetPrompt"], resources=[self._arn, f"{self._arn}:*"])


class NewGuardrail(Construct):
    """A guardrail to begin with: it blocks harm and attacks on the prompt, and masks what identifies a person."""

    HARM = ("HATE", "INSULTS", "SEXUAL", "VIOLENCE", "MISCONDUCT")
    PERSONAL = ("EMAIL", "PHONE", "CREDIT_DEBIT_CARD_NUMBER", "US_SOCIAL_SECURITY_NUMBER", "PASSWORD")

    def __init__(self, scope: Construct, id: str, *, name: str) -> None:
        super().__init__(scope, id)
        filters = [
            CfnGuardrail.ContentFilterConfigProperty(type=kind, input_strength="HIGH", output_strength="HIGH")
            for kind in self.HARM
        ]
        attacks = CfnGuardrail.ContentFilterConfigProperty(
            type="PROMPT_ATTACK", input_strength="HIGH", output_strength="NONE"
        )
        entities = [CfnGuardrail.PiiEntityConfigProperty(type=kind, action="ANONYMIZE") for kind in self.PERSONAL]
        guardrail = CfnGuardrail(
            self,
            "Guardrail",
            name=name,
            blocked_input_messaging="Sorry, I cannot help with that.",
            blocked_outputs_messaging="Sorry, I cannot answer that.",
            content_policy_config=CfnGuardrail.ContentPolicyConfigProperty(filters_config=[*filters, attacks]),
            sensitive_information_policy_config=CfnGuardrail.SensitiveInformationPolicyConfigProperty(
                pii_entities_config=entities
            ),
        )
        version = CfnGuardrailVersion(self, "Version", guardrail_identifier=guardrail.attr_guardrail_id)
        self.id, self.version, self.arn = (
            guardrail.attr_guardrail_id,
            version.attr_version,
            guardrail.attr_guardrail_arn,
        )


def guardrail_arn(scope: Stack, guardrail: Guardrail) -> str:
    """Of one that exists."""
    if guardrail.id.startswith("arn:"):
        return guardrail.id
    return scope.format_arn(
        service="bedrock",
        region=guardrail.place or scope.region,
        resource="guardrail",
        resource_name=guardrail.id,
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )


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
