"""What the proposal makes of a mapping whose fallbacks go round in a circle."""

from __future__ import annotations

from typing import Any

from fallback_router_evaluation.manifest import Model
from fallback_router_evaluation.proposal import propose
from fallback_router_evaluation.standings import Standing
from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.routing.mapping import load_config


def place(name: str, quality: float) -> Standing:
    return Standing(Model(name, name, name, f"openai:{name}"), 40, 40, 0, quality, {}, 40, 1.0, 1.0, 1.0)


def litellms(*names: str, **router: Any) -> dict[str, Any]:
    items = [{"model_name": one, "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-1"}} for one in names]
    return {"model_list": items, "router_settings": router}


def test_proposal_for_a_config_with_a_circle_drops_the_fallback_that_closes_it() -> None:
    proposal = propose(
        litellms("gpt", "claude", fallbacks=[{"gpt": ["claude"]}, {"claude": ["gpt"]}]), [place("gpt", 0.5)]
    )

    chains = load_config(proposal.mapping, describe).chains
    assert (chains["gpt"], chains["claude"]) == (("gpt", "claude"), ("claude",))
    assert proposal.closing == {"claude": ("gpt",)}


def test_proposal_for_default_fallbacks_keeps_all_but_those_that_close_a_circle() -> None:
    proposal = propose(litellms("a", "b", "c", default_fallbacks=["a", "b", "c"]), [place("c", 0.5)])

    chains = load_config(proposal.mapping, describe).chains
    assert [chains[name] for name in "abc"] == [("a", "b", "c"), ("b", "c"), ("c",)]
    assert proposal.closing == {"b": ("a",), "c": ("a", "b")}


def test_proposal_takes_a_fallback_rather_than_a_member_of_an_evaluated_strategy() -> None:
    items = [{"model_name": one, "litellm_provider": "openai", "params": {"model": "gpt-4o"}} for one in "ab"]
    mapping = {"model_list": items, "fallbacks": {"b": ["evaluated-cost"]}, "strategies": {"evaluated-cost": ["a"]}}

    proposal = propose(mapping, [place("a", 0.5), place("b", 0.4)])

    assert set(load_config(proposal.mapping, describe).chains["evaluated-cost"]) == {"a", "b"}
    assert proposal.closing == {"b": ("evaluated-cost",)}
