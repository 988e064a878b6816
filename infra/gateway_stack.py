"""One stage of the gateway: wires the constructs, grants and exports. Creates nothing itself."""

from __future__ import annotations

import os
from pathlib import Path

from aws_cdk import Annotations, CfnOutput, Environment, Stack, Tags
from aws_cdk.aws_iam import ArnPrincipal, Effect, PolicyStatement, Role, ServicePrincipal
from constructs import Construct

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, future_deployments, secret_providers

from .acknowledged import (
    AGENT_ROLE,
    API,
    BUCKET,
    FUNCTION,
    LOG_ROLE,
    METHOD,
    PROBE,
    ROLE,
    ROLLOUT_ROLE,
    SECRET,
    STAGE,
    acknowledge,
)
from .agentcore import AgentGateway, RouterTarget
from .alarms import Alarms
from .api import Authorizer, GatewayApi
from .cedar import AgentAccess, unknown_models
from .concerns import concerns
from .dashboard import Dashboard
from .edge import Firewall, OwnDomain
from .encryption import OwnKey
from .evaluations import Evaluations, judge_statements
from .failover import Failover
from .function import TOOL_DOOR, GatewayFunction, api_door, snapstart_in
from .governance import NewGuardrail, NewPrompt, guardrail_arn, prompt_findings, prompt_statement
from .lambda_package import MAPPING
from .live_mapping import WATCHED as WATCHED_BY_APPCONFIG
from .live_mapping import LiveMapping, place
from .metrics import StageMetrics
from .model_access import assumed_roles, bedrock_statements
from .provider_keys import ProviderKeys
from .rollout import WATCHED, Rollout, VersionKeeper, new_version_errors
from .stage import NEW, Stage
from .state import Forgetful, State, kept_answers, kept_responses

STATE_ITEMS = ["circuit#*", "rpm#*", "account#*", "spend#*", "drained"]
"""What of the state table the gateway may touch: everything but the callers' keys (adapters/dynamodb/items.py)."""
KEY_ITEMS = ["key#*"]


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
        self._where = region
        self._stage = stage
        self._config = config
        self._snapstart = snapstart_in(region, stage)
        # What it may ask, today or by a mapping that is pushed one day.
        self._deployments = (*config.deployments, *future_deployments(stage.models))
        self.metrics = StageMetrics(stage.service)
        self.key = OwnKey(self, "Key", stage=stage, key=stage.kms_key) if stage.kms_key else None
        self.state = State(
            self,
            "State",
            keep=stage.keeps_data,
            name=f"{stage.service}-state",
            regions=stage.regions,
            region=region,
        )
        self.responses = self._kept_responses()
        self.answers = self._kept_answers()
        self.keys = ProviderKeys(
            self,
            "ProviderKeys",
            prefix=stage.service,
            providers=secret_providers(self._deployments),
            keep=stage.keeps_data,
            regions=stage.regions,
            region=region,
        )
        self.evaluations = self._evaluations()
        self.guardrail = NewGuardrail(self, "Guardrail", name=stage.service) if stage.guardrail == NEW else None
        self.prompt = self._new_prompt() if NEW in stage.prompts else None
        self.gateway = GatewayFunction(
            self,
            "Gateway",
            stage=stage,
            snapstart=self._snapstart,
            door=api_door(stage, snapstart=self._snapstart),
            package=package,
            environment=self._environment(),
            keep_versions=stage.keeps_versions,
        )
        self.authorizer = Authorizer(
            self, "Authorizer", stage=stage, source=authorizer, state_table=self.state.table.table_name
        )
        self.api = GatewayApi(
            self,
            "Api",
            stage=stage,
            alias=self.gateway.alias,
            timeout=self.gateway.timeout,
            authorizer=self.authorizer.function,
        )
        self.alarms = Alarms(
            self,
            "Alarms",
            stage=stage,
            metrics=self.metrics,
            api=self.api.api,
            alias=self.gateway.alias,
            authorizer=self.authorizer.function,
            deadline=min(config.settings.deadline, self.gateway.timeout.to_seconds()),
            new_version=new_version_errors(self.gateway) if stage.shift else None,
        )
        self._deploy_carefully()
        self.live = self._live_mapping(package) if stage.live_mapping else None
        self.dashboard = Dashboard(
            self,
            "Dashboard",
            name=stage.service,
            metrics=self.metrics,
            deployments=config.deployments,
            alarms=self.alarms.all,
            api=self.api.api,
            alias=self.gateway.alias,
            authorizer=self.authorizer.function,
            log_group=self.gateway.log_group,
            guardrail=config.guardrail is not None,
            cache=config.cache is not None,
            budget=config.budgets.stage,
        )
        self._edge()
        self._grant_router(self.gateway.role)
        self._grant()
        self._acknowledge()
        for name, text in concerns(stage, config, region).items():
            Annotations.of(self).add_warning_v2(f"fallback-router:{name}", text)
        self._export()
        for name, value in {"stage": stage.name, "service": stage.service, **stage.tags}.items():
            Tags.of(self).add(name, value)
        if stage.agentcore:
            if tools is None:
                raise ValueError("tools: the stage has AgentCore, and so a package of its tools")
            self._offer_tools(stage.agentcore, tools)
        if self.key:
            self.key.encrypt(self)

    def _deploy_carefully(self) -> None:
        """Versions that stay, and a rollout that goes back by itself; neither for a stage that wants none."""
        stage, gateway = self._stage, self.gateway
        if stage.shift:
            watched = self.alarms.named(*WATCHED)
            rollout = Rollout(self, "Rollout", stage=stage, gateway=gateway, shift=stage.shift, alarms=watched)
            acknowledge(ROLLOUT_ROLE, rollout.role)
            names = rollout.application.application_name, rollout.group.deployment_group_name
            CfnOutput(self, "RolloutApplication", value=names[0], description="CodeDeploy's, which moves the alias")
            CfnOutput(self, "RolloutGroup", value=names[1], description="CodeDeploy's deployment group")
        if stage.keeps_versions:
            keeper = VersionKeeper(self, "VersionKeeper", stage=stage, gateway=gateway)
            for statement in keeper.statements(gateway):
                keeper.role.add_to_policy(statement)
            acknowledge(keeper.findings(gateway), keeper.role)
            acknowledge(FUNCTION, keeper.function)

    def _live_mapping(self, package: Path) -> LiveMapping:
        live = LiveMapping(
            self,
            "LiveMapping",
            stage=self._stage,
            package=package,
            environment=self._environment(),
            alarms=self.alarms.named(*WATCHED_BY_APPCONFIG),
        )
        live.allow("GatewayReads", self.gateway.role)
        CfnOutput(self, "MappingPlace", value=live.output, description="Of AppConfig, for fallback-router mapping")
        return live

    def _environment(self) -> dict[str, str]:
        stage = self._stage
        variables = {
            "ROUTER_STATE_TABLE": self.state.table.table_name,
            "ROUTER_SECRETS_PREFIX": stage.service,
            "ROUTER_SERVICE": stage.service,
            "ROUTER_LOG_LEVEL": stage.log_level,
            # Else the import of LiteLLM fetches its price map from the internet.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        if stage.mapping:
            # Both doors open in the package's folder: run.sh goes there, and Lambda starts a handler there.
            variables["ROUTER_CONFIG"] = f"{MAPPING}{stage.mapping.suffix}"
        if self.guardrail:
            variables["ROUTER_GUARDRAIL_ID"] = self.guardrail.id
            variables["ROUTER_GUARDRAIL_VERSION"] = self.guardrail.version
        elif stage.guardrail_named:
            variables["ROUTER_GUARDRAIL_ID"], variables["ROUTER_GUARDRAIL_VERSION"] = stage.guardrail_named
        if stage.prompts:
            variables["ROUTER_PROMPTS"] = self.prompt.id if self.prompt else ",".join(stage.prompts)
        if self.responses:
            variables["ROUTER_RESPONSES_TABLE"] = self.responses.table.table_name
        if self.answers:
            variables["ROUTER_CACHE_TABLE"] = self.answers.table.table_name
        if self.evaluations and self._config.settings.sample_fallbacks:
            variables["ROUTER_SAMPLES"] = self.evaluations.samples_uri
        if stage.live_mapping:
            variables["ROUTER_APPCONFIG"] = place(stage)
        if stage.models:
            variables["ROUTER_MODELS"] = ",".join(stage.models)
        if stage.simulator_url:
            variables["ROUTER_SIMULATOR_URL"] = stage.simulator_url
        return variables

    def _kept_responses(self) -> Forgetful | None:
        """Raises ConfigurationError where responses are to be kept in an environment's memory."""
        kept = self._config.settings.responses_store
        if kept == "memory":
            raise ConfigurationError(["settings.responses_store: memory is no place on Lambda; take dynamodb"])
        return None if kept is None else kept_responses(self, "Responses")

    def _kept_answers(self) -> Forgetful | None:
        """Raises ConfigurationError where answers are to be kept in an environment's memory."""
        rules = self._config.cache
        if rules is not None and rules.store == "memory":
            raise ConfigurationError(["cache.store: memory is no place on Lambda; take dynamodb"])
        return None if rules is None else kept_answers(self, "Answers")

    def _new_prompt(self) -> NewPrompt:
        model = next((one.model for one in self._config.deployments if one.profile.bedrock and one.space is None), None)
        prompt = NewPrompt(self, "Prompt", name=self._stage.service, model=model)
        CfnOutput(self, "PromptId", value=prompt.id, description="The managed prompt that was made")
        return prompt

    def _evaluations(self) -> Evaluations | None:
        """Raises ConfigurationError where answers are to be kept and there is no place for them."""
        stage = self._stage
        if stage.evaluations is None:
            if self._config.settings.sample_fallbacks:
                raise ConfigurationError(["settings.sample_fallbacks: needs -c evaluations=new, or a bucket's name"])
            return None
        judge = judge_statements(self, stage.evaluation_judge) if stage.evaluation_judge else []
        return Evaluations(self, "Evaluations", bucket=stage.evaluations, judge=judge, keep=stage.keeps_data)

    def _edge(self) -> None:
        stage = self._stage
        if stage.waf:
            Firewall(self, "Firewall", stage=stage, api=self.api.api)
        self.url = self.api.api.url
        certificate = stage.certificate_in(self._where)
        if stage.domain_name and certificate:
            domain = OwnDomain(
                self,
                "Domain",
                domain_name=stage.domain_name,
                certificate_arn=certificate,
                api=self.api.api,
            )
            self.url = domain.url
            if stage.regions:
                Failover(
                    self,
                    "Failover",
                    stage=stage,
                    api=self.api.api,
                    path=self.api.deep_health,
                    domain=domain.domain,
                    first=self._where == stage.regions[0],
                    keys_alarm=self.alarms.named("AuthorizerErrors")[0],
                )
                acknowledge(PROBE, self.api.probe)
                others = ",".join(region for region in stage.regions if region != self._where)
                CfnOutput(self, "OtherRegions", value=others, description="Where the stage is too")
            CfnOutput(self, "DomainTarget", value=domain.target, description="Point the domain's DNS record here")

    def _grant_router(self, role: Role) -> None:
        """Every permission of the router, wherever it runs, beside its log."""
        for statement in bedrock_statements(self, self._deployments):
            role.add_to_policy(statement)
        if roles := assumed_roles(self._config.deployments):
            role.add_to_policy(PolicyStatement(actions=["sts:AssumeRole"], resources=roles))
        if self.keys.arns:
            read = PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=self.keys.arns)
            role.add_to_policy(read)
        if guardrail := self._config.guardrail:
            arn = self.guardrail.arn if self.guardrail else guardrail_arn(self, guardrail)
            role.add_to_policy(PolicyStatement(actions=["bedrock:ApplyGuardrail"], resources=[arn]))
        if self.prompt:
            role.add_to_policy(self.prompt.statement())
            acknowledge(self.prompt.findings, role)
        elif prompts := self._config.prompts:
            role.add_to_policy(prompt_statement(self, prompts))
            acknowledge(prompt_findings(prompts), role)
        if self._stage.bedrock_keys:
            role.add_to_policy(PolicyStatement(actions=["kms:Decrypt"], resources=list(self._stage.bedrock_keys)))
        if self.evaluations and self._config.settings.sample_fallbacks:
            role.add_to_policy(self.evaluations.sample_statement())
            acknowledge(self.evaluations.findings, role)
        if self.responses:
            role.add_to_policy(self.responses.statement())
        if self.answers:
            role.add_to_policy(self.answers.statement())
        if self.key:
            role.add_to_policy(self.key.statement("dynamodb", "secretsmanager", write=True))
        role.add_to_policy(self._items(STATE_ITEMS, "BatchGetItem", "GetItem", "PutItem", "UpdateItem"))

    def _grant(self) -> None:
        """Every other permission."""
        self.authorizer.role.add_to_policy(self._items(KEY_ITEMS, "GetItem"))
        if self.key:
            self.authorizer.role.add_to_policy(self.key.statement("dynamodb", write=False))
        # A topic with a policy of its own loses the one that let CloudWatch publish.
        self.alarms.topic.add_to_resource_policy(
            PolicyStatement(
                effect=Effect.ALLOW,
                principals=[ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.alarms.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )

    def _offer_tools(self, access: AgentAccess, package: Path) -> None:
        """The router as tools for agents, in an AgentCore gateway."""
        if problems := unknown_models(access, self._config.chains):
            raise ConfigurationError(problems)
        tools = GatewayFunction(
            self,
            "Tools",
            stage=self._stage,
            snapstart=self._snapstart,
            door=TOOL_DOOR,
            package=package,
            environment=self._environment(),
        )
        self._grant_router(tools.role)
        if self.live:
            self.live.allow("ToolsRead", tools.role)
        acknowledge(ROLE, tools.role)
        acknowledge(FUNCTION, tools.function)
        if existing := access.gateway:
            gateway_id, engine_id = existing.id, existing.policy_engine_id
            tools.alias.add_permission(
                "Gateway", principal=ArnPrincipal(existing.role_arn), action="lambda:InvokeFunction"
            )
        else:
            own = AgentGateway(self, "Agents", stage=self._stage)
            for statement in own.statements(tools.alias, guardrail=access.guardrail is not None):
                own.role.add_to_policy(statement)
            acknowledge(AGENT_ROLE, own.role)
            gateway_id, engine_id = own.gateway.attr_gateway_identifier, own.engine.attr_policy_engine_id
            CfnOutput(self, "AgentGatewayUrl", value=own.gateway.attr_gateway_url, description="MCP, signed with SigV4")
            CfnOutput(self, "AgentGatewayArn", value=own.gateway.attr_gateway_arn, description="For InvokeGateway")
        RouterTarget(self, "AgentTools", access=access, tools=tools.alias, gateway_id=gateway_id, engine_id=engine_id)

    def _items(self, keys: list[str], *actions: str) -> PolicyStatement:
        return PolicyStatement(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[self.state.table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}},
        )

    def _acknowledge(self) -> None:
        acknowledge(SECRET, *self.keys.secrets)
        acknowledge(ROLE, self.gateway.role)
        acknowledge(FUNCTION, self.gateway.function, self.authorizer.function)
        acknowledge(API, self.api.api)
        acknowledge(STAGE, self.api.api.deployment_stage)
        acknowledge(METHOD, *self.api.methods)
        acknowledge(LOG_ROLE, self.api.log_role)
        if self.evaluations:
            acknowledge({**BUCKET, **self.evaluations.findings}, self.evaluations)

    def _export(self) -> None:
        """For people to paste, and for the command line to find its way."""
        curl = (
            f"curl {self.url}v1/chat/completions "
            "-H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' "
            f'-d \'{{"model": "{self._config.first_chat}", '
            '"messages": [{"role": "user", "content": "What is the capital of France?"}]}\''
        )
        outputs = {
            "Url": (self.url, "Base URL; OpenAI clients take it with v1 added"),
            "Curl": (curl, "A first question; fallback-router keys create prints a key"),
            "DashboardUrl": (self.dashboard.url, "CloudWatch dashboard"),
            "AlarmTopicArn": (self.alarms.topic.topic_arn, "SNS topic of the alarms"),
            "StateTableName": (self.state.table.table_name, "DynamoDB table of circuits, rate windows and keys"),
            "SecretsPrefix": (self._stage.service, "Secrets PREFIX/PROVIDER hold the providers' keys"),
            "FunctionName": (self.gateway.function.function_name, "The gateway's Lambda"),
            "ApiId": (self.api.api.rest_api_id, "API Gateway's id of the API"),
            "ApiStage": (self._stage.name, "API Gateway's name of the stage"),
            "ResponseMode": (self._stage.response_mode, "stream or buffered"),
        }
        if self.evaluations:
            outputs["EvaluationBucket"] = (
                self.evaluations.bucket.bucket_name,
                "fallback-router evaluate --out s3://...",
            )
            if self.evaluations.role:
                outputs["EvaluationRole"] = (self.evaluations.role.role_arn, "fallback-router evaluate submit --role")
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)
        for name, plan in self.api.plans.items():
            CfnOutput(self, f"UsagePlan{name.title().replace('-', '')}", value=plan.usage_plan_id, description=name)
