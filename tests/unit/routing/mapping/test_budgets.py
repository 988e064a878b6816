"""`budgets` of the mapping: what is taken, and what is said of mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import LOCAL, load
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import Budget
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import Budgets


def budgets(**fields: Any) -> Budgets:
    return load(LOCAL, {**ROUTER_STYLE_MAPPING, "budgets": fields}).budgets


def test_the_budgets_of_the_stage_and_of_tags_are_read_exactly() -> None:
    made = budgets(stage="500/day", tags={"team-a": "0.5/hour", "b.2": 20}, on_state_loss="fail_closed", local_share=1)

    assert made.stage == Budget.parse("500/day")
    assert made.tags == {"team-a": Budget.parse("0.5/hour"), "b.2": Budget.parse("20")}
    assert (made.on_state_loss, made.local_share) == ("fail_closed", 1.0)


@pytest.mark.parametrize("mapping", [ROUTER_STYLE_MAPPING, {**ROUTER_STYLE_MAPPING, "budgets": None}])
def test_without_budgets_nothing_is_limited(mapping: Any) -> None:
    made = load(LOCAL, mapping).budgets

    assert (made.stage, made.tags, made.on_state_loss, made.local_share) == (None, {}, "fail_open", 0.05)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stage": "500/week"}, "budgets.stage: must be an amount in USD and a period, such as 50/day"),
        ({"stage": True}, "budgets.stage: must be an amount in USD"),
        ({"stage": ["5/day"]}, "budgets.stage: must be an amount in USD"),
        ({"stage": 0}, "budgets.stage: must be more than 0"),
        ({"tags": {"team-a": "5 dollars"}}, "budgets.tags.team-a: must be an amount in USD"),
        ({"tags": {"team a": "5/day"}}, "budgets.tags: a tag is 1 to 64 letters"),
        ({"tags": {1: "5/day"}}, "budgets.tags: a tag is 1 to 64 letters"),
        ({"tags": ["team-a"]}, "budgets.tags: must be an object, got a list"),
        ({"tags": {f"t{n}": "5/day" for n in range(1001)}}, "budgets.tags: at most 1000 tags"),
        ({"on_state_loss": "fail"}, "budgets.on_state_loss: "),
        ({"local_share": 0}, "budgets.local_share: must be more than 0"),
        ({"stages": "5/day"}, "budgets.stages: unknown field, did you mean 'stage'?"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_the_fix(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        budgets(**fields)
    (problem,) = wrong.value.problems
    assert problem.startswith(said)


def test_budgets_that_are_no_object_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="budgets: must be an object, got a string"):
        load(LOCAL, {**ROUTER_STYLE_MAPPING, "budgets": "500/day"})


def test_budgets_may_stand_in_litellms_config() -> None:
    item = {"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini"}}
    config = load(LOCAL, {"model_list": [item], "budgets": {"stage": "5/day"}})

    assert (config.budgets.stage, config.warnings) == (Budget.parse("5/day"), ())
