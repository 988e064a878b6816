"""One stage of the gateway: wires the constructs. Creates nothing itself; permissions are in `grants.py`, outputs in
`outputs.py`."""

from __future__ import annotations

import os
from pathlib import Path

from aws_cdk import Annotations, Environment, Stack, Tags
from constructs import Construct

from litellm_fallback_router.routing.mapping import RouterConfig

from .agent_tools import offer_tools
from .agentcore import AgentGateway
from .alarms import Alarms
from .api import Authorizer, GatewayApi
from .concerns import concerns
from .dashboard import Dashboard
from .drill import Drills
from .drill import environment as drill_environment
from .edge import Edge
from .environment import environment
from .function import GatewayFunction, api_door, snapstart_in
from .grants import grant_authorizer, grant_drills, grant_router, grant_version_keeper, let_cloudwatch_publish
from .live_mapping import WATCHED as WATCHED_BY_APPCONFIG
from .live_mapping import LiveMapping
from .metrics import StageMetrics
from .outputs import export
from .resources import RouterResources
from .rollout import WATCHED, Rollout, VersionKeeper, new_version_errors
from .stage import Stage


class GatewayStack(Stack):
    """`package`: the gateway's zip; `tools`: the zip of AgentCore's tools, where the stage has AgentCore; `authorizer`:
    the source of the authorizer's function; `region`: where it will be deployed, None where CDK does not know. Raises
    ConfigurationError."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        config: RouterConfig,
        package: Path,
        authorizer: Path,
        tools: Path | None,
        region: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            stack_name=stage.stack_name,
            description=f"LiteLLM Fallback Router, {stage.name}",
            # Where the stage is in two Regions each stack must be told its own; else it is the command line's.
            env=Environment(region=region, account=os.environ.get("CDK_DEFAULT_ACCOUNT")) if stage.regions else None,
        )
        self._stage = stage
        self._config = config
        self._package = package
        self._snapstart = snapstart_in(region, stage)
        self.metrics = StageMetrics(stage.service)
        self.resources = RouterResources(self, stage=stage, config=config, region=region)
        self.gateway = self._function()
        self.authorizer = Authorizer(
            self, "Authorizer", stage=stage, source=authorizer, state_table=self.resources.state.table.table_name
        )
        self.api = GatewayApi(
            self,
            "Api",
            stage=stage,
            alias=self.gateway.alias,
            timeout=self.gateway.timeout,
            authorizer=self.authorizer.function,
        )
        self.alarms = self._alarms()
        self.rollout = self._rollout() if stage.shift else None
        if stage.keeps_versions:
            keeper = VersionKeeper(self, "VersionKeeper", stage=stage, gateway=self.gateway)
            grant_version_keeper(keeper, self.gateway)
        self.drills = self._drills() if stage.drill_hours else None
        self.live = self._live_mapping() if stage.live_mapping else None
        self.dashboard = self._dashboard()
        self.edge = Edge(self, stage=stage, api=self.api, alarms=self.alarms, region=region)
        grant_router(self.gateway.role, self.resources)
        if self.drills:
            grant_drills(self.gateway.role, self.drills, self.resources)
        grant_authorizer(self.authorizer.role, self.resources)
        let_cloudwatch_publish(self.alarms.topic)
        for name, text in concerns(stage, config, region).items():
            Annotations.of(self).add_warning_v2(f"fallback-router:{name}", text)
        for name, value in {"stage": stage.name, "service": stage.service, **stage.tags}.items():
            Tags.of(self).add(name, value)
        self.agents = self._offer_tools(tools) if stage.agentcore else None
        export(self)
        if self.resources.key:
            self.resources.key.encrypt(self)

    def _function(self) -> GatewayFunction:
        stage = self._stage
        return GatewayFunction(
            self,
            "Gateway",
            stage=stage,
            snapstart=self._snapstart,
            door=api_door(stage, snapstart=self._snapstart),
            package=self._package,
            environment={**environment(self.resources), **drill_environment(stage)},
            keep_versions=stage.keeps_versions,
        )

    def _alarms(self) -> Alarms:
        return Alarms(
            self,
            "Alarms",
            stage=self._stage,
            metrics=self.metrics,
            api=self.api.api,
            alias=self.gateway.alias,
            authorizer=self.authorizer.function,
            deadline=min(self._config.settings.deadline, self.gateway.timeout.to_seconds()),
            new_version=new_version_errors(self.gateway) if self._stage.shift else None,
        )

    def _rollout(self) -> Rollout:
        stage = self._stage
        watched = self.alarms.named(*WATCHED)
        return Rollout(self, "Rollout", stage=stage, gateway=self.gateway, shift=str(stage.shift), alarms=watched)

    def _drills(self) -> Drills:
        return Drills(
            self,
            "Drills",
            stage=self._stage,
            every=self._stage.drill_hours or 0,
            alias=self.gateway.alias,
            metrics=self.metrics,
            alarms=self.alarms,
        )

    def _live_mapping(self) -> LiveMapping:
        live = LiveMapping(
            self,
            "LiveMapping",
            stage=self._stage,
            package=self._package,
            environment=environment(self.resources),
            alarms=self.alarms.named(*WATCHED_BY_APPCONFIG),
        )
        live.allow("GatewayReads", self.gateway.role)
        return live

    def _dashboard(self) -> Dashboard:
        return Dashboard(
            self,
            "Dashboard",
            stage=self._stage,
            config=self._config,
            metrics=self.metrics,
            alarms=self.alarms,
            api=self.api.api,
            alias=self.gateway.alias,
            authorizer=self.authorizer.function,
            log_group=self.gateway.log_group,
        )

    def _offer_tools(self, package: Path | None) -> AgentGateway | None:
        if self._stage.agentcore is None or package is None:
            raise ValueError("tools: the stage has AgentCore, and so a package of its tools")
        return offer_tools(
            self,
            access=self._stage.agentcore,
            package=package,
            resources=self.resources,
            snapstart=self._snapstart,
            live=self.live,
        )
