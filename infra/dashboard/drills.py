"""What drills have proven, where the stage drills."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Color, HorizontalAnnotation

from litellm_fallback_router.drill import UNPROVEN_AFTER

from ..metrics import StageMetrics
from .widgets import HALF, TWO_WEEKS, Graphs, Row

TITLE = "Is the rest of each chain proven?"


def proven(metrics: StageMetrics, graphs: Graphs) -> Row:
    """How many hops are unproven, and for how long the one that is so the longest."""
    hour = Duration.hours(1)
    unproven = metrics.metric("HopsUnproven", "Maximum", period=hour, label="unproven for 7 days")
    hours = metrics.metric("HoursSinceProven", "Maximum", period=hour, label="the longest unproven")
    limit = HorizontalAnnotation(value=UNPROVEN_AFTER, label="7 days", color=Color.RED)
    return [
        graphs.graph("Deployments that no drill proves", [unproven], width=HALF, start=TWO_WEEKS),
        graphs.graph("Hours since a drill proved it", [hours], width=HALF, limits=[limit], start=TWO_WEEKS),
    ]
