"""The router as tools of agents: a function of its own behind an AgentCore gateway, the operator's or a new one."""

from __future__ import annotations

from pathlib import Path

from aws_cdk.aws_iam import ArnPrincipal
from constructs import Construct

from litellm_fallback_router.routing.errors import ConfigurationError

from .agentcore import AgentGateway, RouterTarget
from .cedar import AgentAccess, unknown_models
from .environment import environment
from .function import TOOL_DOOR, GatewayFunction
from .grants import grant_agents, grant_router
from .live_mapping import LiveMapping
from .resources import RouterResources


def offer_tools(
    scope: Construct,
    *,
    access: AgentAccess,
    package: Path,
    resources: RouterResources,
    snapstart: bool,
    live: LiveMapping | None,
) -> AgentGateway | None:
    """The gateway that was made; None: `access` names one that exists. `package`: the zip of the tools; `live`: where
    their mapping is changed without a deployment. Raises ConfigurationError for a model that the mapping has not."""
    if problems := unknown_models(access, resources.config.chains):
        raise ConfigurationError(problems)
    stage = resources.stage
    tools = GatewayFunction(
        scope,
        "Tools",
        stage=stage,
        snapstart=snapstart,
        door=TOOL_DOOR,
        package=package,
        environment=environment(resources),
    )
    grant_router(tools.role, resources)
    if live:
        live.allow("ToolsRead", tools.role)
    own = None
    if existing := access.gateway:
        gateway_id, engine_id = existing.id, existing.policy_engine_id
        tools.alias.add_permission("Gateway", principal=ArnPrincipal(existing.role_arn), action="lambda:InvokeFunction")
    else:
        own = AgentGateway(scope, "Agents", stage=stage)
        grant_agents(own, tools.alias, guardrail=access.guardrail is not None)
        gateway_id, engine_id = own.gateway.attr_gateway_identifier, own.engine.attr_policy_engine_id
    RouterTarget(scope, "AgentTools", access=access, tools=tools.alias, gateway_id=gateway_id, engine_id=engine_id)
    return own
