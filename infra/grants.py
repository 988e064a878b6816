"""Every permission of the stack's roles, so that all IAM reads in one place. The statements that take knowledge of one
service alone are beside what they are about: `bedrock_statements`, `statement` of a table or a key."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk.aws_iam import Effect, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Alias
from aws_cdk.aws_sns import Topic

from .acknowledged import AGENT_ROLE, acknowledge
from .agentcore import AgentGateway
from .drill import Drills
from .function import GatewayFunction
from .governance import guardrail_arn, prompt_findings, prompt_statement
from .model_access import assumed_roles, bedrock_statements
from .resources import RouterResources
from .rollout import VersionKeeper

STATE_ITEMS = ["circuit#*", "rpm#*", "account#*", "spend#*", "drained"]
"""What of the state table the gateway may touch: everything but the callers' keys (adapters/dynamodb/items.py)."""
KEY_ITEMS = ["key#*"]
DRILL_ITEMS = ["drill#*"]


def grant_router(role: Role, resources: RouterResources) -> None:
    """What the router may do, wherever it runs, beside writing its log."""
    for statement in bedrock_statements(resources.stack, resources.deployments):
        role.add_to_policy(statement)
    if roles := assumed_roles(resources.config.deployments):
        role.add_to_policy(PolicyStatement(actions=["sts:AssumeRole"], resources=roles))
    if resources.keys.arns:
        read = PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=resources.keys.arns)
        role.add_to_policy(read)
    _grant_guardrail(role, resources)
    _grant_prompts(role, resources)
    if resources.stage.bedrock_keys:
        keys = list(resources.stage.bedrock_keys)
        role.add_to_policy(PolicyStatement(actions=["kms:Decrypt"], resources=keys))
    if resources.samples:
        role.add_to_policy(resources.samples.sample_statement())
        acknowledge(resources.samples.findings, role)
    for kept in (resources.responses, resources.answers):
        if kept:
            role.add_to_policy(kept.statement())
    if resources.key:
        role.add_to_policy(resources.key.statement("dynamodb", "secretsmanager", write=True))
        if resources.stage.live_mapping:
            role.add_to_policy(resources.key.statement("appconfig", write=False))
    role.add_to_policy(_items(resources, STATE_ITEMS, "BatchGetItem", "GetItem", "PutItem", "UpdateItem"))


def grant_drills(role: Role, drills: Drills, resources: RouterResources) -> None:
    """What the gateway's function needs for a drill and for no request: the seal's key, and the reports."""
    role.add_to_policy(drills.statement())
    role.add_to_policy(_items(resources, DRILL_ITEMS, "GetItem", "PutItem"))


def grant_authorizer(role: Role, resources: RouterResources) -> None:
    """It reads the callers' keys, and nothing else."""
    role.add_to_policy(_items(resources, KEY_ITEMS, "GetItem"))
    if resources.key:
        role.add_to_policy(resources.key.statement("dynamodb", write=False))


def grant_version_keeper(keeper: VersionKeeper, gateway: GatewayFunction) -> None:
    """It deletes versions of that one function."""
    for statement in keeper.statements(gateway):
        keeper.role.add_to_policy(statement)
    acknowledge(keeper.findings(gateway), keeper.role)


def grant_agents(agents: AgentGateway, tools: Alias, *, guardrail: bool) -> None:
    """AgentCore's gateway calls the tools and asks its own policy engine."""
    for statement in agents.statements(tools, guardrail=guardrail):
        agents.role.add_to_policy(statement)
    acknowledge(AGENT_ROLE, agents.role)


def let_cloudwatch_publish(topic: Topic) -> None:
    """A topic with a policy of its own loses the one that let CloudWatch publish."""
    topic.add_to_resource_policy(
        PolicyStatement(
            effect=Effect.ALLOW,
            principals=[ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(topic).account}},
        )
    )


def _grant_guardrail(role: Role, resources: RouterResources) -> None:
    if guardrail := resources.config.guardrail:
        made = resources.guardrail
        arn = made.arn if made else guardrail_arn(resources.stack, guardrail)
        role.add_to_policy(PolicyStatement(actions=["bedrock:ApplyGuardrail"], resources=[arn]))


def _grant_prompts(role: Role, resources: RouterResources) -> None:
    if resources.prompt:
        role.add_to_policy(resources.prompt.statement())
        acknowledge(resources.prompt.findings, role)
    elif prompts := resources.config.prompts:
        role.add_to_policy(prompt_statement(resources.stack, prompts))
        acknowledge(prompt_findings(prompts), role)


def _items(resources: RouterResources, keys: list[str], *actions: str) -> PolicyStatement:
    return PolicyStatement(
        actions=[f"dynamodb:{action}" for action in actions],
        resources=[resources.state.table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}},
    )
