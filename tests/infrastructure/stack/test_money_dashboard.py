"""Money on the dashboard: what was spent beside the stage's budget, and by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from tests.infrastructure.stack.templates import Synthesized, flat

Synthesize = Callable[..., Synthesized]
HOUR, DAY = 3600, 86_400


def widgets(synthesized: Synthesized, title: str) -> list[dict[str, Any]]:
    body = json.loads(flat(synthesized.only("AWS::CloudWatch::Dashboard")["DashboardBody"]))
    properties = [widget["properties"] for widget in body["widgets"]]
    return [one for one in properties if str(one.get("title", "")).startswith(title)]


@pytest.mark.parametrize(
    ("stage", "title", "lines"),
    [
        (None, "US dollars a day", (DAY, [])),
        ("500/day", "US dollars, of 500/day", (DAY, [500])),
        ("2.5/hour", "US dollars, of 2.5/hour", (HOUR, [2.5, 10])),  # and the alarm Cost
        ("9000/month", "US dollars, of 9000/month", (DAY, [])),
    ],
)
def test_what_was_spent_stands_beside_the_budget_of_the_stage(
    synthesize: Synthesize,
    chain_file: Callable[[object], Path],
    stage: str | None,
    title: str,
    lines: tuple[int, list[float]],
) -> None:
    mapping = {**ROUTER_STYLE_MAPPING, "budgets": {} if stage is None else {"stage": stage}}
    (graph,) = widgets(synthesize(mapping=str(chain_file(mapping))), title)
    (metric,) = graph["metrics"]
    assert metric[1] == "CostUsd"
    drawn = [one["value"] for one in graph.get("annotations", {}).get("horizontal", [])]
    assert (metric[-1]["period"], drawn) == lines


def test_who_spent_it_is_read_from_fields_of_the_log(dev: Synthesized) -> None:
    (table,) = widgets(dev, "US dollars by caller")
    query = table["query"]
    for field in ("caller_name", "caller", "cost_usd", "wasted_usd", "request_answered", "request_failed"):
        assert field in query
    assert "GatewayLog" in query, "the gateway's own log group"
