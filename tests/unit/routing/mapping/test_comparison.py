"""What one mapping has that another has not, in words."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.mapping import RouterConfig, changes, load_config, revision_of
from litellm_fallback_router.routing.types import ModelInfo


def config(**parts: Any) -> RouterConfig:
    mapping = {
        "model_list": [
            {"model_name": "a", "litellm_provider": "openai", "params": {"model": "m-1", "api_key": "sk-one"}},
            {"model_name": "b", "litellm_provider": "anthropic", "params": {"model": "m-2"}},
        ],
        **parts,
    }
    return load_config(mapping, lambda _provider, _model: ModelInfo())


def model(name: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_provider": "openai", "params": {"model": "m-1", "api_key": "sk-one", **params}}


B = {"model_name": "b", "litellm_provider": "anthropic", "params": {"model": "m-2"}}
ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing", {}, []),
    ("rpm", {"model_list": [model("a", rpm=5), B]}, ["deployments.a: rpm None -> 5"]),
    (
        "prices",
        {"model_list": [model("a", model_info={"input_usd_per_token": 1}), B]},
        ["deployments.a: model_info changed"],
    ),
    ("window", {"model_list": [model("a", model_info={"max_input_tokens": 9}), B]}, ["deployments.a: model_info chan"]),
    ("model", {"model_list": [model("a"), B, model("c")]}, ["deployments.c: added (openai:m-1)", "chains.c: added, c"]),
    ("gone", {"model_list": [B]}, ["deployments.a: removed (openai:m-1)", "chains.a: removed"]),
    ("member", {"model_list": [model("a"), B, model("a")]}, ["deployments.a#2: added (openai:m-1)"]),
    ("chain", {"fallbacks": {"a": ["b"]}}, ["chains.a: a -> a, b"]),
    ("strategy", {"strategies": {"fast": ["b", "a"]}}, ["strategies.fast: added, b, a"]),
    ("setting", {"settings": {"deadline": 20.0}}, ["settings.deadline: "]),
    ("hedge", {"hedge": {"a": {}}}, ["hedge.a: added, after='p95' at_most=0.05"]),
    ("budget", {"budgets": {"stage": "5/day"}}, ["budgets.stage: None -> "]),
    ("prompts", {"prompts": {"allow": ["ABCDEFGHIJ"]}}, ["prompts.region: added", "prompts.allow: added, ABCDEFGHIJ"]),
]


def test_every_part_of_a_mapping_is_compared() -> None:
    """A part that is added to a mapping gets a row above, and its name here."""
    told = {"deployments", "chains", "strategies", "settings", "prompts", "guardrail", "budgets", "cache", "hedges"}
    assert {field.name for field in fields(RouterConfig) if field.init} == told | {"warnings", "revision", "restricted"}


@pytest.mark.parametrize(("parts", "lines"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_change_is_one_line_that_begins_with_its_place(parts: dict[str, Any], lines: list[str]) -> None:
    told = changes(config(), config(**parts))
    assert len(told) == len(lines)
    assert all(line.startswith(start) for line, start in zip(told, lines, strict=True)), told


def test_a_key_that_changes_is_told_without_either_key() -> None:
    told = changes(config(), config(model_list=[model("a", api_key="sk-two", extra_headers={"x": "secret"}), B]))
    assert told == ["deployments.a: api_key changed, extra changed"]


def test_a_revision_names_the_content_whatever_its_order() -> None:
    turned = dict(reversed(ROUTER_STYLE_MAPPING.items()))
    assert revision_of(turned) == revision_of(ROUTER_STYLE_MAPPING)
    assert revision_of({**turned, "settings": {"deadline": 20}}) != revision_of(turned)
    assert revision_of({1: "a", "1": ("b",)}) == revision_of({"1": ["b"], 1: "a"}) != revision_of({1: "b", "1": "a"})
