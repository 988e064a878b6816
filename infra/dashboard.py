"""The dashboard: is it up, who is answering, why it fell back, how slow, how much, and what failed last."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_apigateway import RestApi
from aws_cdk.aws_cloudwatch import (
    AlarmStatusWidget,
    Color,
    GraphWidget,
    HorizontalAnnotation,
    IMetric,
    LogQueryWidget,
    SingleValueWidget,
    TextWidget,
)
from aws_cdk.aws_lambda import Alias, Function
from aws_cdk.aws_logs import ILogGroup
from constructs import Construct

from litellm_fallback_router.routing.callers import NANO, Budget, Period
from litellm_fallback_router.routing.types import Deployment

from .metrics import FIVE_MINUTES, StageMetrics

WIDTH = 24
PERIODS = {Period.MINUTE: Duration.minutes(1), Period.HOUR: Duration.hours(1), Period.DAY: Duration.days(1)}
"""Of budgets, as CloudWatch can sum them up."""


class Dashboard(Construct):
    """`deployments` decide the lines of the graphs by model; `guardrail`, `cache`: there is one; `budget`: the stage's.

    What each caller spends comes out of the log. A metric of it would cost 0.30 USD a month for every key, looked at
    or not, and there is no end to the number of keys.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        metrics: StageMetrics,
        deployments: Sequence[Deployment],
        alarms: Sequence[cloudwatch.Alarm],
        api: RestApi,
        alias: Alias,
        authorizer: Function,
        log_group: ILogGroup,
        guardrail: bool,
        cache: bool,
        budget: Budget | None,
    ) -> None:
        super().__init__(scope, id)
        self._metrics = metrics
        self._models = sorted({(d.provider, d.model) for d in deployments})
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=name)
        dashboard.add_widgets(_title("Is it up?"))
        dashboard.add_widgets(
            AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=8, height=6),
            *self._numbers(),
            *self._outcomes(),
        )
        dashboard.add_widgets(_title("Who is answering?"))
        dashboard.add_widgets(
            self._by_model("Attempts", "AttemptFailures", "SampleCount"),
            self._by_model("Failed attempts", "AttemptFailures", "Sum"),
        )
        dashboard.add_widgets(_title("Why did it fall back?"))
        dashboard.add_widgets(*self._reasons(deployments))
        dashboard.add_widgets(_title("How slow?"))
        dashboard.add_widgets(*self._times())
        dashboard.add_widgets(_title("How much?"))
        dashboard.add_widgets(*self._money())
        dashboard.add_widgets(self._against(budget), _by_caller(log_group))
        if guardrail:
            dashboard.add_widgets(_title("What did the guardrail do?"))
            dashboard.add_widgets(*self._guardrail())
        if cache:
            dashboard.add_widgets(_title("What did the response cache do?"))
            dashboard.add_widgets(*self._cache())
        dashboard.add_widgets(_title("API Gateway, Lambda and the state table"))
        dashboard.add_widgets(*self._house(api, alias, authorizer))
        dashboard.add_widgets(_title("What failed last?"))
        dashboard.add_widgets(*_last_failures(log_group))
        self.url = f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region={Aws.REGION}#dashboards/dashboard/{name}"

    def _numbers(self) -> list[SingleValueWidget]:
        metric = self._metrics.metric
        values = [
            metric("Requests", "Sum", label="requests"),
            metric("RequestErrors", "Average", label="error rate"),
            metric("Fallbacks", "Average", label="fallback rate"),
            metric("CostUsd", "Sum", label="US dollars"),
        ]
        return [
            SingleValueWidget(
                title="In this time", metrics=list[IMetric](values), set_period_to_time_range=True, width=8, height=6
            )
        ]

    def _outcomes(self) -> list[GraphWidget]:
        metric, each = self._metrics.metric, self._metrics.each
        left: list[IMetric] = [
            metric("Requests", "Sum", label="requests"),
            metric("ChainsExhausted", "Sum", label="exhausted chains"),
            metric("DeadlinesMissed", "Sum", label="deadlines missed"),
            each("RequestErrors", "Sum", "code"),
        ]
        return [_graph("Requests and errors by code", left, width=8)]

    def _by_model(self, title: str, name: str, statistic: str, width: int = WIDTH // 2) -> GraphWidget:
        lines = [
            self._metrics.metric(name, statistic, label=f"{provider}:{model}", provider=provider, model=model)
            for provider, model in self._models
        ]
        return _graph(title, lines, width=width)

    def _reasons(self, deployments: Sequence[Deployment]) -> list[GraphWidget]:
        metric, each = self._metrics.metric, self._metrics.each
        fallbacks = [
            metric("Fallbacks", "Sum", label="fallbacks"),
            metric("FallbackDepth", "Maximum", label="deepest"),
            metric("ResumedStreams", "Sum", label="resumed streams"),
        ]
        circuits = [
            metric("CircuitTransitions", "Sum", label=f"{d.id} {state}", deployment=d.id, state=state)
            for d in deployments
            for state in ("open", "closed")
        ]
        return [
            _graph("Fallbacks", fallbacks, width=8),
            _graph("Failures by kind", [each("AttemptFailures", "Sum", "kind")], width=8),
            _graph("Circuits that opened and closed", circuits, width=8),
        ]

    def _times(self) -> list[GraphWidget]:
        latency = [self._metrics.metric("Latency", p, label=p) for p in ("p50", "p90", "p99")]
        return [
            _graph("Whole requests, milliseconds", latency, width=8),
            self._by_model("Attempts, p90 milliseconds", "AttemptLatency", "p90", width=8),
            self._by_model("First token, p90 milliseconds", "TimeToFirstToken", "p90", width=8),
        ]

    def _money(self) -> list[GraphWidget]:
        metric = self._metrics.metric
        spent = [metric("CostUsd", "Sum", label="all"), metric("WastedCostUsd", "Sum", label="wasted")]
        tokens = [metric("InputTokens", "Sum", label="input"), metric("OutputTokens", "Sum", label="output")]
        return [
            self._by_model("US dollars", "CostUsd", "Sum", width=8),
            _graph("US dollars, and what of them was wasted", spent, width=8),
            _graph("Tokens", tokens, width=8),
        ]

    def _against(self, budget: Budget | None) -> GraphWidget:
        """What each period of the budget has cost, beside it. CloudWatch knows no months: then, and without a budget,
        what each day has cost."""
        period = PERIODS.get(budget.period) if budget is not None else None
        spent = self._metrics.metric("CostUsd", "Sum", label="spent", period=period or Duration.days(1))
        limit = [] if budget is None or period is None else [_line(budget)]
        title = f"US dollars, of {budget}" if budget is not None else "US dollars a day"
        return GraphWidget(title=title, left=[spent], left_annotations=limit, width=12, height=6)

    def _guardrail(self) -> list[GraphWidget]:
        metric, each = self._metrics.metric, self._metrics.each
        done: list[IMetric] = [
            metric("GuardrailBlocks", "Sum", label="blocked"),
            metric("GuardrailMasks", "Sum", label="masked"),
            metric("GuardrailUnreachable", "Sum", label="no verdict"),
            each("GuardrailBlocks", "Sum", "source"),
        ]
        times = [metric("GuardrailLatency", p, label=p) for p in ("p50", "p90", "p99")]
        units: list[IMetric] = [metric("GuardrailUnits", "Sum", label="all"), each("GuardrailUnits", "Sum", "policy")]
        return [
            _graph("Requests", done, width=8),
            _graph("Waiting for verdicts, milliseconds", times, width=8),
            _graph("Units billed, by policy", units, width=8),
        ]

    def _cache(self) -> list[GraphWidget]:
        metric = self._metrics.metric
        requests = [
            metric("CacheHits", "SampleCount", label="took part"),
            metric("CacheHits", "Sum", label="were given an earlier answer"),
            metric("CacheStores", "Sum", label="answers kept"),
        ]
        share = [metric("CacheHits", "Average", label="share of hits")]
        return [_graph("Requests", requests, width=12), _graph("Hits, of those that take part", share, width=12)]

    def _house(self, api: RestApi, alias: Alias, authorizer: Function) -> list[GraphWidget]:
        metric = self._metrics.metric
        requests = [
            api.metric_count(period=FIVE_MINUTES, label="requests"),
            api.metric_client_error(period=FIVE_MINUTES, statistic="Sum", label="4xx"),
            api.metric_server_error(period=FIVE_MINUTES, statistic="Sum", label="5xx"),
        ]
        function = [
            alias.metric_invocations(period=FIVE_MINUTES, label="invocations"),
            alias.metric_errors(period=FIVE_MINUTES, label="errors"),
            alias.metric_throttles(period=FIVE_MINUTES, label="throttles"),
            metric("ColdStarts", "Sum", label="cold starts"),
        ]
        keys = [
            authorizer.metric_invocations(period=FIVE_MINUTES, label="keys checked"),
            authorizer.metric_errors(period=FIVE_MINUTES, label="could not be checked"),
            authorizer.metric_throttles(period=FIVE_MINUTES, label="throttles"),
        ]
        times = [alias.metric_duration(period=FIVE_MINUTES, statistic=p, label=f"Lambda {p}") for p in ("p50", "p99")]
        times.append(api.metric_latency(period=FIVE_MINUTES, statistic="p99", label="API Gateway p99"))
        state = [metric("StateUnavailable", "Sum", label="state table out of reach")]
        return [
            _graph("API Gateway", requests, width=8),
            _graph("Lambda", function, width=8),
            _graph("Authorizer", keys, width=8),
            _graph("Milliseconds", times),
            _graph("State table", state),
        ]


def _line(budget: Budget) -> HorizontalAnnotation:
    return HorizontalAnnotation(value=budget.nano_usd / NANO, label="budget", color=Color.RED)


def _by_caller(log_group: ILogGroup) -> LogQueryWidget:
    return LogQueryWidget(
        title="US dollars by caller, in this time",
        log_group_names=[log_group.log_group_name],
        query_lines=[
            "fields coalesce(caller_name, caller, 'nobody') as who",
            "filter message in ['request_answered', 'request_failed']",
            "stats sum(cost_usd) as usd, sum(wasted_usd) as wasted, count(*) as requests by who",
            "sort usd desc",
            "limit 30",
        ],
        width=12,
        height=6,
    )


def _last_failures(log_group: ILogGroup) -> list[LogQueryWidget]:
    def table(title: str, *lines: str) -> LogQueryWidget:
        return LogQueryWidget(
            title=title, log_group_names=[log_group.log_group_name], query_lines=list(lines), width=12, height=8
        )

    return [
        table(
            "Failed attempts",
            "fields @timestamp, request_id, provider, model, outcome, status, reason",
            "filter message = 'attempt_failed'",
            "sort @timestamp desc",
            "limit 20",
        ),
        table(
            "Failed requests",
            "fields @timestamp, request_id, caller, requested_model, status, code, attempts, seconds",
            "filter message = 'request_failed'",
            "sort @timestamp desc",
            "limit 20",
        ),
    ]


def _graph(title: str, lines: Sequence[IMetric], width: int = WIDTH // 2) -> GraphWidget:
    return GraphWidget(title=title, left=list(lines), width=width, height=6)


def _title(text: str) -> TextWidget:
    return TextWidget(markdown=f"## {text}", width=WIDTH, height=1)
