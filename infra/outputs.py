"""The outputs of a stack: for people to paste, and for the command line to find its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput

if TYPE_CHECKING:
    from .gateway_stack import GatewayStack

Outputs = dict[str, tuple[str, str]]
"""Name -> value and description."""


def export(stack: GatewayStack) -> None:
    """Makes every output of the stack."""
    found = _always(stack) | _of_resources(stack) | _of_changes(stack) | _of_edge(stack) | _of_agents(stack)
    for name, (value, description) in found.items():
        CfnOutput(stack, name, value=value, description=description)


def _always(stack: GatewayStack) -> Outputs:
    stage, url = stack.resources.stage, stack.edge.url
    curl = (
        f"curl {url}v1/chat/completions "
        "-H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' "
        f'-d \'{{"model": "{stack.resources.config.first_chat}", '
        '"messages": [{"role": "user", "content": "What is the capital of France?"}]}\''
    )
    plans = {
        f"UsagePlan{name.title().replace('-', '')}": (plan.usage_plan_id, name)
        for name, plan in stack.api.plans.items()
    }
    return {
        "Url": (url, "Base URL; OpenAI clients take it with v1 added"),
        "Curl": (curl, "A first question; fallback-router keys create prints a key"),
        "DashboardUrl": (stack.dashboard.url, "CloudWatch dashboard"),
        "AlarmTopicArn": (stack.alarms.topic.topic_arn, "SNS topic of the alarms"),
        "FunctionName": (stack.gateway.function.function_name, "The gateway's Lambda"),
        "LogGroup": (stack.gateway.log_group.log_group_name, "The gateway's log"),
        "AuthorizerLogGroup": (stack.authorizer.log_group.log_group_name, "Log of the check of callers' keys"),
        "AccessLogGroup": (stack.api.access_log.log_group_name, "API Gateway's log of all requests"),
        "ApiId": (stack.api.api.rest_api_id, "API Gateway's id of the API"),
        "ApiStage": (stage.name, "API Gateway's name of the stage"),
        "ResponseMode": (stage.response_mode, "stream or buffered"),
        **plans,
    }


def _of_resources(stack: GatewayStack) -> Outputs:
    resources = stack.resources
    outputs = {
        "StateTableName": (resources.state.table.table_name, "DynamoDB table of circuits, rate windows and keys"),
        "SecretsPrefix": (resources.stage.service, "Secrets PREFIX/PROVIDER hold the providers' keys"),
    }
    if resources.prompt:
        outputs["PromptId"] = (resources.prompt.id, "The managed prompt that was made")
    if evaluations := resources.evaluations:
        outputs["EvaluationBucket"] = (evaluations.bucket.bucket_name, "fallback-router evaluate --out s3://...")
        if evaluations.role:
            outputs["EvaluationRole"] = (evaluations.role.role_arn, "fallback-router evaluate submit --role")
    return outputs


def _of_changes(stack: GatewayStack) -> Outputs:
    outputs = {}
    if rollout := stack.rollout:
        outputs["RolloutApplication"] = (rollout.application.application_name, "CodeDeploy's, which moves the alias")
        outputs["RolloutGroup"] = (rollout.group.deployment_group_name, "CodeDeploy's deployment group")
    if stack.drills:
        outputs["DrillSecret"] = (stack.drills.name, "Seals the reports; for fallback-router drill --stack")
    if stack.live:
        outputs["MappingPlace"] = (stack.live.output, "Of AppConfig, for fallback-router mapping")
    return outputs


def _of_edge(stack: GatewayStack) -> Outputs:
    outputs = {}
    if domain := stack.edge.domain:
        outputs["DomainTarget"] = (domain.target, "Point the domain's DNS record here")
    if others := stack.edge.other_regions:
        outputs["OtherRegions"] = (",".join(others), "Where the stage is too")
    return outputs


def _of_agents(stack: GatewayStack) -> Outputs:
    if stack.agents is None:
        return {}
    gateway = stack.agents.gateway
    return {
        "AgentGatewayUrl": (gateway.attr_gateway_url, "MCP, signed with SigV4"),
        "AgentGatewayArn": (gateway.attr_gateway_arn, "For InvokeGateway"),
    }
