"""AgentCore in front of the router: a gateway that agents sign in to with IAM, and policies it enforces."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk.aws_bedrockagentcore import CfnGateway, CfnGatewayTarget, CfnPolicy, CfnPolicyEngine
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Alias
from constructs import Construct

from fallback_router_agentcore.tools import TOOLS

from .cedar import TARGET, AgentAccess, Policy, policies
from .stage import Stage

SERVICE = "bedrock-agentcore"


class AgentGateway(Construct):
    """A gateway with a policy engine that enforces, and without any permission; the stack grants them to `role`."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id)
        # AgentCore adds a hyphen and ten characters of its own. The role must exist before they are known.
        self._arns = _arn(self, "gateway", f"{stage.service}-??????????")
        self.role = Role(
            self,
            "Role",
            assumed_by=ServicePrincipal(
                f"{SERVICE}.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": self._arns},
                },
            ),
        )
        self.engine = CfnPolicyEngine(self, "PolicyEngine", name=stage.service.replace("-", "_"))
        self.gateway = CfnGateway(
            self,
            "Gateway",
            name=stage.service,
            authorizer_type="AWS_IAM",
            protocol_type="MCP",
            role_arn=self.role.role_arn,
            policy_engine_configuration=CfnGateway.GatewayPolicyEngineConfigurationProperty(
                arn=self.engine.attr_policy_engine_arn, mode="ENFORCE"
            ),
        )
        # AgentCore tries the role's permissions when it attaches the engine.
        self.gateway.node.add_dependency(self.role)

    def statements(self, tools: Alias, *, guardrail: bool) -> list[PolicyStatement]:
        """What `role` must be allowed. Source: AgentCore developer guide, "AgentCore Gateway and Policy in AgentCore
        IAM Permissions" and "Guardrails in policies"."""
        engine = self.engine.attr_policy_engine_arn
        statements = [
            PolicyStatement(actions=["lambda:InvokeFunction"], resources=[tools.function_arn]),
            PolicyStatement(actions=[f"{SERVICE}:GetPolicyEngine"], resources=[engine]),
            PolicyStatement(
                actions=[f"{SERVICE}:AuthorizeAction", f"{SERVICE}:PartiallyAuthorizeActions"],
                resources=[engine, self._arns],
            ),
        ]
        if guardrail:
            # Its checks belong to no guardrail that could be named.
            statements.append(PolicyStatement(actions=["bedrock:InvokeGuardrailChecks"], resources=["*"]))
        return statements


class RouterTarget(Construct):
    """The router's tools in a gateway, and who may use them."""

    def __init__(
        self, scope: Construct, id: str, *, access: AgentAccess, tools: Alias, gateway_id: str, engine_id: str
    ) -> None:
        super().__init__(scope, id)
        target = self._target(tools, gateway_id)
        for policy in policies(access, _arn(self, "gateway", gateway_id)):
            # AgentCore checks a policy against the schemas of the gateway's tools.
            self._policy(policy, engine_id).node.add_dependency(target)

    def _target(self, tools: Alias, gateway_id: str) -> CfnGatewayTarget:
        definitions = [
            CfnGatewayTarget.ToolDefinitionProperty(
                name=tool.name, description=tool.description, input_schema=dict(tool.input)
            )
            for tool in TOOLS.values()
        ]
        return CfnGatewayTarget(
            self,
            "Target",
            name=TARGET,
            description="Language models behind fallback chains",
            gateway_identifier=gateway_id,
            credential_provider_configurations=[
                CfnGatewayTarget.CredentialProviderConfigurationProperty(credential_provider_type="GATEWAY_IAM_ROLE")
            ],
            target_configuration=CfnGatewayTarget.TargetConfigurationProperty(
                mcp=CfnGatewayTarget.McpTargetConfigurationProperty(
                    lambda_=CfnGatewayTarget.McpLambdaTargetConfigurationProperty(
                        lambda_arn=tools.function_arn,
                        tool_schema=CfnGatewayTarget.ToolSchemaProperty(inline_payload=definitions),
                    )
                )
            ),
        )

    def _policy(self, policy: Policy, engine_id: str) -> CfnPolicy:
        definition = (
            CfnPolicy.PolicyDefinitionProperty(policy=CfnPolicy.PolicyStatementProperty(statement=policy.text))
            if policy.guardrail
            else CfnPolicy.PolicyDefinitionProperty(cedar=CfnPolicy.CedarPolicyProperty(statement=policy.text))
        )
        return CfnPolicy(
            self,
            policy.name,
            name=policy.name,
            policy_engine_id=engine_id,
            definition=definition,
            # AgentCore's analysis cannot know what a guardrail will find. Source: AgentCore developer guide, "Getting
            # started with guardrails".
            validation_mode="IGNORE_ALL_FINDINGS" if policy.guardrail else "FAIL_ON_ANY_FINDINGS",
        )


def _arn(scope: Construct, resource: str, name: str) -> str:
    return Stack.of(scope).format_arn(
        service=SERVICE, resource=resource, resource_name=name, arn_format=ArnFormat.SLASH_RESOURCE_NAME
    )
