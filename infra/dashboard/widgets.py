"""What every section is drawn with: titles, tables of the log, and graphs with the thresholds of the alarms in them."""

from __future__ import annotations

from collections.abc import Container, Sequence

from aws_cdk.aws_cloudwatch import (
    Color,
    GraphWidget,
    HorizontalAnnotation,
    IMetric,
    IWidget,
    LogQueryWidget,
    Metric,
    TextWidget,
)
from aws_cdk.aws_logs import ILogGroup

from ..alarms import Threshold

WIDTH = 24
"""Columns of CloudWatch's grid."""
THIRD, HALF = WIDTH // 3, WIDTH // 2
HEIGHT = 6
LAST_DAY, TWO_WEEKS = "-PT24H", "-P14D"
"""How far a graph looks back whose values are an hour's or a day's: in a dashboard's usual three hours they would be a
point or none."""
Row = list[IWidget]


class Graphs:
    """Makes graphs. A threshold is drawn in each graph that has its alarm's metric, by the same statistic and period.
    One of 0, above which anything rings, would lie on the axis and is left out."""

    def __init__(self, thresholds: Sequence[Threshold]) -> None:
        self._thresholds = [(_key(one.metric), one) for one in thresholds if one.above > 0]
        self._names = {key[0] for key, _ in self._thresholds if key}

    def graph(
        self,
        title: str,
        lines: Sequence[IMetric],
        *,
        width: int = THIRD,
        limits: Sequence[HorizontalAnnotation] = (),
        stacked: bool = False,
        start: str | None = None,
    ) -> GraphWidget:
        """`limits`: horizontal lines besides the alarms'; `start`: how far it looks back, whatever the dashboard is set
        to."""
        shown = {key for line in lines if (key := _key(line, self._names))}
        named: dict[float, list[str]] = {}
        for key, one in self._thresholds:
            if key in shown:
                named.setdefault(one.above, []).append(one.alarm)
        alarms = [
            HorizontalAnnotation(value=above, label=f"alarm {', '.join(names)}: above {above:g}", color=Color.RED)
            for above, names in named.items()
        ]
        return GraphWidget(
            title=title,
            left=list(lines),
            left_annotations=[*limits, *alarms],
            stacked=stacked,
            start=start,
            width=width,
            height=HEIGHT,
        )


def heading(text: str) -> Row:
    """The line above a section."""
    return [TextWidget(markdown=f"## {text}", width=WIDTH, height=1)]


def table(title: str, log_group: ILogGroup, *lines: str, height: int = HEIGHT) -> LogQueryWidget:
    """What a query of the log finds."""
    return LogQueryWidget(
        title=title, log_group_names=[log_group.log_group_name], query_lines=list(lines), width=HALF, height=height
    )


def _key(metric: IMetric, names: Container[str] | None = None) -> tuple[str, ...] | None:
    """What makes two metrics one line, its name first; None: an expression, which no alarm watches, or a metric whose
    name is none of `names`. Attributes are asked of CDK's engine one by one, for a tenth of what the whole costs."""
    if not isinstance(metric, Metric) or (names is not None and metric.metric_name not in names):
        return None
    dimensions = sorted(f"{name}={value}" for name, value in (metric.dimensions or {}).items())
    return metric.metric_name, metric.namespace, metric.statistic, str(metric.period.to_seconds()), *dimensions
