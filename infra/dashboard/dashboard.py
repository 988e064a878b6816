"""The sections of the dashboard, from the top."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_apigateway import RestApi
from aws_cdk.aws_lambda import Alias, Function
from aws_cdk.aws_logs import ILogGroup
from constructs import Construct

from litellm_fallback_router.routing.mapping import RouterConfig

from ..alarms import Alarms
from ..metrics import StageMetrics
from ..stage import Stage
from . import drills, failures, health, house, steps
from .models import Models
from .money import Money
from .widgets import Graphs, Row, heading


class Dashboard(Construct):
    """`config`: its deployments decide the lines by model, and it says whether there is a guardrail, a cache or a
    budget; `alarms`: their thresholds are drawn in the graphs of what they watch."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        config: RouterConfig,
        metrics: StageMetrics,
        alarms: Alarms,
        api: RestApi,
        alias: Alias,
        authorizer: Function,
        log_group: ILogGroup,
    ) -> None:
        super().__init__(scope, id)
        self._stage, self._config, self._metrics, self._alarms = stage, config, metrics, alarms
        self._graphs = Graphs(alarms.thresholds)
        self._models = Models(metrics, self._graphs, config.deployments)
        name = stage.service
        dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            # Else the console takes periods of its own: a day's dollars would not be a day's, and a threshold be drawn
            # beside sums of other periods than its alarm's.
            period_override=cloudwatch.PeriodOverride.INHERIT,
        )
        for title, *rows in self._sections(api, alias, authorizer, log_group):
            dashboard.add_widgets(*heading(title))
            for row in rows:
                dashboard.add_widgets(*row)
        self.url = f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region={Aws.REGION}#dashboards/dashboard/{name}"

    def _sections(
        self, api: RestApi, alias: Alias, authorizer: Function, log_group: ILogGroup
    ) -> Iterator[tuple[str, *tuple[Row, ...]]]:
        metrics, graphs, models = self._metrics, self._graphs, self._models
        yield (
            "Is it up?",
            health.now(metrics, graphs, self._alarms),
            health.change(metrics, graphs, api, alias, self._stage.reserved_concurrency),
        )
        yield "Who is answering?", models.answering()
        yield "Why did it fall back?", models.fallbacks()
        yield "How slow?", models.times()
        money = Money(metrics, graphs, models, self._config.budgets.stage)
        yield "How much?", money.today(), money.spent(), money.bought(log_group)
        if self._config.guardrail is not None:
            yield "What did the guardrail do?", steps.guardrail(metrics, graphs)
        if self._config.cache is not None:
            yield "What did the response cache do?", steps.cache(metrics, graphs)
        if self._stage.drill is not None:
            yield drills.TITLE, drills.proven(metrics, graphs)
        yield (
            "API Gateway, Lambda and the state table",
            house.requests(metrics, graphs, api, alias, authorizer),
            house.waiting(metrics, graphs, api, alias),
        )
        yield "What failed last?", failures.last(log_group)
