"""Whatever stands in a mapping, loading it gives a RouterConfig or a ConfigurationError."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.mapping.schema import OPERATOR_PARAMS, InfoOverride, Params
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.types import ModelInfo

LITELLM_MAPPING = {
    "model_list": [
        {"model_name": name, "litellm_params": {"model": "openai/gpt-4o", "timeout": 3}, "model_info": {"mode": "chat"}}
        for name in ("a", "b")
    ],
    "router_settings": {"fallbacks": [{"a": ["b"]}], "model_group_alias": {"c": "a"}, "num_retries": 1},
    "litellm_settings": {"default_fallbacks": ["a"], "request_timeout": 3},
    "general_settings": {"master_key": "x"},
}
WORDS = sorted(
    {
        "a", "b", "*", "openai", "bedrock", "openai/gpt-4o", "bedrock/us-east-1/x.y", "os.environ/NAME", "http://[", "",
        "http://localhost:8000/v1", "model_list", "model_name", "litellm_provider", "litellm_params", "fallbacks",
        "strategies", "settings", "router_settings", "model_group_alias", "timeout", "num_retries", "mode",
        *Params.model_fields, *InfoOverride.model_fields, *RouterSettings.model_fields, *OPERATOR_PARAMS,
    }
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=5) | st.integers() | st.none()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
MODELS = st.lists(st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5), max_size=4)
SHAPED = st.fixed_dictionaries({"model_list": MODELS}, optional={word: JSON for word in WORDS if word.endswith("s")})


def _load(mapping: Any) -> RouterConfig | ConfigurationError:
    try:
        return load_config(mapping, lambda provider, model: ModelInfo(), {"NAME": "value"}.get)
    except ConfigurationError as error:
        assert error.problems
        assert all(isinstance(problem, str) for problem in error.problems)
        return error


def _check(outcome: RouterConfig | ConfigurationError) -> None:
    if isinstance(outcome, ConfigurationError):
        return
    names = {one.model_name for one in outcome.deployments}
    ids = [one.id for one in outcome.deployments]
    assert len(set(ids)) == len(ids)
    assert names | outcome.strategies == set(outcome.chains)
    for name, chain in outcome.chains.items():
        assert chain
        assert set(chain) <= names
        assert len(set(chain)) == len(chain)
        assert name in outcome.strategies or chain[0] == name


@given(JSON | SHAPED)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_gives_a_config_or_a_configuration_error(mapping: Any) -> None:
    _check(_load(mapping))


@st.composite
def _mutated(draw: st.DrawFn) -> Any:
    """A mapping that loads, with up to three values replaced, removed or added anywhere in it."""
    mapping = copy.deepcopy(draw(st.sampled_from([ROUTER_STYLE_MAPPING, LITELLM_MAPPING])))
    for _ in range(draw(st.integers(0, 3))):
        place: Any = mapping
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
            if draw(st.booleans()) or not isinstance(place[key], dict | list) or not place[key]:
                break
            place = place[key]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            place[key] = draw(JSON)
        elif action == "remove":
            del place[key]
        elif isinstance(place, dict):
            place[draw(st.sampled_from(WORDS))] = draw(JSON)
        else:
            place.append(draw(JSON))
    return mapping


@given(_mutated())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_change_to_a_good_mapping_gives_a_config_or_a_configuration_error(mapping: Any) -> None:
    _check(_load(mapping))


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefgs"), min_size=1, unique=True)),
    st.dictionaries(st.sampled_from("st"), st.lists(st.sampled_from("abcdst"), min_size=1, unique=True)),
)
@settings(max_examples=300)
def test_chains_are_complete_or_the_circle_is_named(fallbacks: dict[str, Any], strategies: dict[str, Any]) -> None:
    models = [{"model_name": name, "params": {"model": "gpt-4o"}} for name in "abcdefg"]
    outcome = _load({"model_list": models, "fallbacks": fallbacks, "strategies": strategies})
    _check(outcome)
    if isinstance(outcome, ConfigurationError):
        unknown = [problem for problem in outcome.problems if "unknown model" in problem]
        circles = [problem for problem in outcome.problems if "circle" in problem]
        assert len(unknown) + len(circles) == len(outcome.problems)
        for circle in circles:
            steps = circle.rpartition(": ")[2].partition(";")[0].split(" -> ")
            assert steps[0] == steps[-1]
            edges = {**fallbacks, **strategies}
            assert all(step in edges[before] for before, step in pairwise(steps))
        return
    for name, listed in fallbacks.items():
        expected = {one for fallback in listed for one in outcome.chains.get(fallback, ())}
        assert expected <= set(outcome.chains[name])
