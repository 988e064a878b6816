"""What an answer is kept under: no two requests that differ in anything share it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.errors import UnknownModelError
from litellm_fallback_router.routing.interceptors.cache.keys import key_of
from litellm_fallback_router.routing.mapping import CacheRules, Guardrail, RouterConfig
from litellm_fallback_router.routing.types import ChatRequest, NativeRequest, Prompt, RoutingConstraints
from tests.support.scripted import config_of, deployment

CONFIG = replace(config_of(deployment("a"), deployment("b")), cache=CacheRules(store="memory"))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)
NAMES = st.none() | st.lists(st.text(max_size=3), min_size=1, max_size=2)
TOLD = st.fixed_dictionaries(
    {
        "model": st.sampled_from("ab"),
        "caller": st.none() | st.text(max_size=3),
        "tag": st.none() | st.text(max_size=3),
        "messages": st.lists(OBJECTS, max_size=3),
        "params": OBJECTS,
        "native": st.none()
        | st.fixed_dictionaries(
            {
                "format": st.sampled_from(["messages", "responses", "embeddings"]),
                "body": OBJECTS,
                "headers": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
            }
        ),
        "prompt": st.none()
        | st.fixed_dictionaries(
            {
                "id": st.text(max_size=3),
                "version": st.none() | st.text(max_size=2),
                "variables": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
            }
        ),
        "narrowed": st.fixed_dictionaries(
            {"providers": NAMES, "regions": NAMES, "fallback": st.booleans(), "resume": st.booleans()}
        ),
    }
)


def request_of(told: dict[str, Any]) -> ChatRequest:
    narrowed: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in told["narrowed"].items()
    }
    return ChatRequest(
        told["model"],
        told["messages"],
        told["params"],
        constraints=RoutingConstraints(**narrowed, cache=True),
        caller=told["caller"],
        tag=told["tag"],
        native=None if told["native"] is None else NativeRequest(**told["native"]),
        prompt=None if told["prompt"] is None else Prompt(**told["prompt"]),
    )


def key(told: dict[str, Any], config: RouterConfig = CONFIG, *, streamed: bool = False) -> str:
    return key_of(request_of(told), config, streamed=streamed)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything that stands in an object or array."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from places(one, (*path, step))


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: `1`, `1.0` and `true` are three values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


@settings(max_examples=300)
@given(TOLD, st.data())
def test_two_requests_that_differ_in_any_leaf_never_share_an_answer(told: dict[str, Any], data: st.DataObject) -> None:
    assert key(told) == key(shuffled(told))
    inner = [p for p in places(told) if len(p) > 1 and p[0] in ("messages", "params")]
    inner += [p for p in places(told) if len(p) > 2 and p[:2] == ("native", "body")]
    path = data.draw(st.sampled_from([*((name,) for name in told), *inner]))
    other = copy.deepcopy(told)
    at: Any = other
    for step in path[:-1]:
        at = at[step]
    if len(path) == 1:
        changed: Any = data.draw(TOLD)[path[0]]
    else:
        changed = data.draw(OBJECTS if path[0] == "messages" and len(path) == 2 else VALUES)
    assume(not same(at[path[-1]], changed))
    at[path[-1]] = changed
    assert key(other) != key(told)


@settings(max_examples=300)
@given(TOLD, TOLD)
def test_only_equal_requests_share_an_answer(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (key(one) == key(other)) is same(one, other)


BASE: dict[str, Any] = {
    "model": "a",
    "caller": "me",
    "tag": None,
    "messages": [{"role": "user", "content": "hi"}],
    "params": {},
    "native": None,
    "prompt": None,
    "narrowed": {"providers": None, "regions": None, "fallback": True, "resume": True},
}


@pytest.mark.parametrize(
    "narrowed",
    [{"providers": ["openai"]}, {"regions": ["eu-*"]}, {"fallback": False}, {"resume": False}],
    ids=lambda one: next(iter(one)),
)
def test_what_narrows_the_chain_belongs_to_the_request(narrowed: dict[str, Any]) -> None:
    assert key({**BASE, "narrowed": {**BASE["narrowed"], **narrowed}}) != key(BASE)


NATIVE: dict[str, Any] = {"format": "messages", "body": {"a": 1}, "headers": {"anthropic-beta": "x"}}
PROMPT: dict[str, Any] = {"id": "CAPITALS01", "version": "1", "variables": {"country": "France"}}


@pytest.mark.parametrize(
    "changed",
    [
        {"native": {**NATIVE, "format": "responses"}},
        {"native": {**NATIVE, "body": {"a": 1.0}}},
        {"native": {**NATIVE, "headers": {"anthropic-beta": "y"}}},
        {"native": {**NATIVE, "headers": {}}},
        {"native": None},
        {"prompt": {**PROMPT, "id": "CAPITALS02"}},
        {"prompt": {**PROMPT, "version": "2"}},
        {"prompt": {**PROMPT, "variables": {"country": "Spain"}}},
        {"prompt": None},
    ],
    ids=str,
)
def test_a_body_of_its_own_format_its_headers_and_a_prompt_belong_to_it(changed: dict[str, Any]) -> None:
    whole = {**BASE, "native": NATIVE, "prompt": PROMPT}
    assert key({**whole, **changed}) != key(whole)


def test_whoever_calls_shares_with_nobody_unless_the_mapping_says_so() -> None:
    shared = replace(CONFIG, cache=CacheRules(store="memory", shared=True))
    others: list[dict[str, Any]] = [{**BASE, "caller": None}, {**BASE, "caller": "you"}, {**BASE, "tag": "team-a"}]
    assert len({key(one) for one in [BASE, *others]}) == 4
    assert len({key(one, shared) for one in [BASE, *others]}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        replace(CONFIG, guardrail=Guardrail(id="abc123", version="1")),
        replace(CONFIG, guardrail=Guardrail(id="abc123", version="2")),
        replace(CONFIG, guardrail=Guardrail(id="abc123", version="1", on_block="error")),
        replace(CONFIG, chains={**CONFIG.chains, "a": ("a",)}),
        replace(CONFIG, chains={**CONFIG.chains, "a": ("b", "a")}),
        replace(CONFIG, deployments=(deployment("a", region="eu-west-1"), deployment("b"))),
        replace(CONFIG, deployments=(deployment("a", extra={"api_version": "2"}), deployment("b"))),
        replace(CONFIG, deployments=(deployment("a"), deployment("b", model="gpt-5.4"))),
    ],
    ids=["guardrail", "version", "on_block", "shorter", "order", "region", "extra", "fallback's model"],
)
def test_a_mapping_that_says_otherwise_of_the_chain_shares_nothing_with_the_old_one(changed: RouterConfig) -> None:
    keys = [key(BASE), key(BASE, replace(CONFIG, guardrail=Guardrail(id="abc123", version="3"))), key(BASE, changed)]
    assert len(set(keys)) == 3


def test_other_chains_and_a_new_key_change_nothing() -> None:
    same_chain = replace(CONFIG, deployments=(deployment("a", api_key="new"), deployment("b")))
    assert key(BASE, same_chain) == key(BASE)
    assert key(BASE, replace(CONFIG, chains={**CONFIG.chains, "b": ("b",)})) == key(BASE)


def test_only_what_a_provider_wrote_itself_is_of_one_form() -> None:
    native = {**BASE, "native": {"format": "messages", "body": {}, "headers": {}}}
    assert key(BASE, streamed=True) == key(BASE)
    assert key(native, streamed=True) != key(native)


def test_ids_time_limits_and_explanations_are_no_part_of_it() -> None:
    asked = request_of(BASE)
    other = replace(asked, request_id="2", timeout=1.0, time_left=2.0, traceparent="t")
    other = replace(other, constraints=replace(asked.constraints, explain=True))
    assert key_of(other, CONFIG, streamed=False) == key_of(asked, CONFIG, streamed=False)


def test_an_alias_is_the_model_that_it_stands_for_and_an_unknown_name_is_refused() -> None:
    config = config_of(deployment("fast", model="gpt-4o-mini"))
    told = {**BASE, "model": "fast"}
    assert key({**told, "model": "gpt-4o-mini"}, config) == key(told, config)
    with pytest.raises(UnknownModelError):
        key({**told, "model": "slow"}, config)
