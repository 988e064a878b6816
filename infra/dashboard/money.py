"""How much? What providers cost today, by the hour and by model, beside the budget, and who spends it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import (
    Color,
    GraphWidget,
    HorizontalAnnotation,
    IMetric,
    LogQueryWidget,
    MathExpression,
    SingleValueWidget,
)
from aws_cdk.aws_logs import ILogGroup

from litellm_fallback_router.routing.callers import NANO, Budget, Period

from ..metrics import FIVE_MINUTES, StageMetrics
from .models import Models
from .widgets import HALF, HEIGHT, LAST_DAY, THIRD, TWO_WEEKS, Graphs, Row, table

PERIODS = {Period.MINUTE: Duration.minutes(1), Period.HOUR: Duration.hours(1), Period.DAY: Duration.days(1)}
"""Of budgets, as CloudWatch can sum them up."""
LOOKS_BACK = {Period.MINUTE: None, Period.HOUR: LAST_DAY, Period.DAY: TWO_WEEKS}
"""None: as far as the dashboard."""


class Money:
    """`budget`: the stage's."""

    def __init__(self, metrics: StageMetrics, graphs: Graphs, models: Models, budget: Budget | None) -> None:
        self._metrics, self._graphs, self._models, self._budget = metrics, graphs, models, budget

    def today(self) -> Row:
        """What is spent now, beside what may be."""
        hour = self._metrics.metric("CostUsd", "Sum", label="spent", period=Duration.hours(1))
        by_hour = self._graphs.graph("US dollars an hour", [hour], start=LAST_DAY)
        return [self._since_midnight(), by_hour, self._against()]

    def spent(self) -> Row:
        """By whom."""
        metric, graph = self._metrics.metric, self._graphs.graph
        spent = [metric("CostUsd", "Sum", label="all"), metric("WastedCostUsd", "Sum", label="wasted")]
        return [
            graph("US dollars by model", self._models.each("CostUsd", "Sum"), width=HALF),
            graph("US dollars, and what of them was wasted", spent, width=HALF),
        ]

    def bought(self, log_group: ILogGroup) -> Row:
        """What for, and for whom."""
        metric = self._metrics.metric
        tokens = [metric("InputTokens", "Sum", label="input"), metric("OutputTokens", "Sum", label="output")]
        return [self._graphs.graph("Tokens", tokens, width=HALF), _by_caller(log_group)]

    def _since_midnight(self) -> SingleValueWidget:
        metric = self._metrics.metric
        numbers: list[IMetric] = [
            _today(metric("CostUsd", "Sum"), "usd", "US dollars"),
            _today(metric("WastedCostUsd", "Sum"), "wasted", "of them wasted"),
        ]
        if self._budget is not None and self._budget.period is Period.DAY:
            share = 100 * NANO / self._budget.nano_usd
            numbers.append(_today(metric("CostUsd", "Sum"), "of", f"per cent of {self._budget}", share))
        return SingleValueWidget(
            title="Today, since 00:00 UTC", metrics=numbers, start=LAST_DAY, width=THIRD, height=HEIGHT
        )

    def _against(self) -> GraphWidget:
        """What each period of the budget has cost, beside it. CloudWatch knows no months: then, and without a budget,
        what each day has cost."""
        budget = self._budget
        summed = budget is not None and budget.period in PERIODS
        period = budget.period if budget is not None and summed else Period.DAY
        spent = self._metrics.metric("CostUsd", "Sum", label="spent", period=PERIODS[period])
        limit = [_line(budget)] if budget is not None and summed else []
        title = f"US dollars, of {budget}" if budget is not None else "US dollars a day"
        return self._graphs.graph(title, [spent], limits=limit, start=LOOKS_BACK[period])


def _today(metric: IMetric, id: str, label: str, times: float = 1) -> MathExpression:
    """The sum since the last midnight, UTC, `times` a number; shown is the newest of these sums. CloudWatch has no word
    for "now": it is the newest time that the metric is asked for. Source: CloudWatch user guide, "Using math
    expressions with CloudWatch metrics" (EPOCH gives a value for every period, those without data too; times are
    UTC)."""
    day = f"FLOOR(EPOCH({id}) / 86400) == FLOOR(MAX(EPOCH({id})) / 86400)"
    total = f"RUNNING_SUM(IF({day}, FILL({id}, 0), 0))"
    return MathExpression(
        expression=total if times == 1 else f"{times:.12g} * {total}",
        using_metrics={id: metric},
        label=label,
        period=FIVE_MINUTES,
    )


def _line(budget: Budget) -> HorizontalAnnotation:
    return HorizontalAnnotation(value=budget.nano_usd / NANO, label="budget", color=Color.RED)


def _by_caller(log_group: ILogGroup) -> LogQueryWidget:
    """Out of the log. A metric of it would cost 0.30 USD a month for every key, looked at or not, and there is no end
    to the number of keys."""
    return table(
        "US dollars by caller, in this time",
        log_group,
        "fields coalesce(caller_name, caller, 'nobody') as who",
        "filter message in ['request_answered', 'request_failed']",
        "stats sum(cost_usd) as usd, sum(wasted_usd) as wasted, count(*) as requests by who",
        "sort usd desc",
        "limit 30",
    )
