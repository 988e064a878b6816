"""Mistakes of a mapping are named with their path and the fix, and no key is quoted."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.support.mappings import entry_of, loaded, mapping_of, problems_of


def hedged(hedge: Any) -> dict[str, Any]:
    return {**entry_of({"model": "gpt-4o"}), "settings": {"hedge": hedge}}


def chain_hedged(hedge: Any) -> dict[str, Any]:
    return {**entry_of({"model": "gpt-4o"}), "hedge": hedge}


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        (None, "the mapping must be an object with model_list in it; it is empty"),
        ([], "the mapping must be an object with model_list in it; got a list"),
        ({}, "model_list: empty; list at least one model"),
        ({"model_list": []}, "model_list: empty; list at least one model"),
        ({"model_list": {}}, "model_list: must be a list, got an object"),
        (
            {"model_list": [3]},
            "model_list[0]: must be an object like {model_name: NAME, params: {model: MODEL}}, got a number",
        ),
        ({"model_list": [{"params": {"model": "gpt-4o"}}]}, "model_list[0].model_name: missing; add it"),
        ({"model_list": [{"model_name": "a"}]}, "model_list[0].params: missing; add it"),
        ({"model_list": [{"model_name": "a", "params": 1}]}, "model_list[0].params: must be an object, got a number"),
        (entry_of({}), "model_list[0].params.model: missing; add it"),
        (entry_of({"model": "gpt-4o", "rpm": -5}), "model_list[0].params.rpm: must be at least 1, got -5"),
        (
            entry_of({"model": "gpt-4o", "rpm": True}),
            "model_list[0].params.rpm: must be a whole number, got true or false",
        ),
        (entry_of({"model": "gpt-4o", "rpm": "9"}), "model_list[0].params.rpm: must be a whole number, got a string"),
        (entry_of({"model": "gpt-4o", "weight": 0}), "model_list[0].params.weight: must be more than 0, got 0"),
        (entry_of({"model": "gpt-4o", "answer_timeout": 901}), "must be at most 900, got 901"),
        (hedged(True), "settings.hedge: must be an object, got true or false"),
        (hedged({"after": "p90"}), "settings.hedge.after: must be 'p95'"),
        (hedged({"at_most": 2}), "settings.hedge.at_most: must be at most 1, got 2"),
        (hedged({"at_most": 0}), "settings.hedge.at_most: must be more than 0, got 0"),
        (hedged({"at_mots": 0.1}), "settings.hedge.at_mots: unknown field, did you mean 'at_most'?"),
        (hedged({"when": "p95"}), "settings.hedge.when: unknown field; known: after, at_most"),
        (chain_hedged([]), "hedge: must be an object, got a list"),
        (chain_hedged({"a": 0.05}), "hedge.a: must be an object, got a number"),
        (chain_hedged({"a": {"at_most": 2}}), "hedge.a.at_most: must be at most 1, got 2"),
        (chain_hedged({"n": {}}), "hedge.n: unknown model 'n'; known: a"),
        (
            chain_hedged({"at_most": 0.05}),
            "hedge.at_most: goes under a chain's name, as in {NAME: {at_most: ...}}; or into settings.hedge",
        ),
        (entry_of({"model": "gpt 4o"}), "model_list[0].params.model: must be printable, without spaces"),
        (entry_of({"modle": "gpt-4o"}), "model_list[0].params.modle: unknown field, did you mean 'model'?"),
        (entry_of({"model": "gpt-4o", "api_verison": "1"}), "did you mean 'api_version'?"),
        (entry_of({"model": "gpt-4o", "api_version": 1}), "params.api_version: must be a string, got a number"),
        (entry_of({"model": "gpt-4o", "extra_headers": []}), "params.extra_headers: must be an object, got a list"),
        (
            entry_of({"model": "gpt-4o", "temperature": 1}),
            "model_list[0].params.temperature: not a field here: callers send it with the request",
        ),
        (entry_of({"model": "gpt-4o", "api_base": "localhost:80"}), "must be a URL such as http://localhost:8000/v1"),
        (
            entry_of({"model": "gpt-4o", "api_base": "http://a:99999/v1"}),
            "must be a URL such as http://localhost:8000/v1",
        ),
        (entry_of({"model": "gpt-4o", "api_base": "http://a:b/v1"}), "must be a URL such as http://localhost:8000/v1"),
        (
            entry_of({"model": "bedrock/a.b", "aws_bedrock_runtime_endpoint": "nonsense"}),
            "params.aws_bedrock_runtime_endpoint: must be a URL such as https://host",
        ),
        (
            entry_of({"model": "gpt-4o", "extra_headers": {"x-a": 5}}),
            "extra_headers.x-a: must be a string of printable",
        ),
        (
            entry_of({"model": "gpt-4o", "extra_headers": {"x-a": "b\nc"}}),
            "extra_headers.x-a: must be a string of printable",
        ),
        (
            entry_of({"model": "gpt-4o", "extra_headers": {"x-a": "ß"}}),
            "extra_headers.x-a: must be a string of printable",
        ),
        (
            entry_of({"model": "gpt-4o", "extra_headers": {"x a": "b"}}),
            "extra_headers: a header's name must be letters",
        ),
        (
            entry_of({"model": "gpt-4o", "extra_headers": {"Content-Length": "3"}}),
            "extra_headers.Content-Length: is different for each request; remove it",
        ),
        (entry_of({"model": "gpt-4o", "extra_headers": {5: "b"}}), "extra_headers: a header's name must be letters"),
        (entry_of({"model": "gpt-4o", "api_base": "http://[1"}), "must be a URL such as http://localhost:8000/v1"),
        (
            entry_of({"model": "gpt-4o", "model_info": {"image": True}}),
            "model_info.image: unknown field, did you mean 'im",
        ),
        (entry_of({"model": "a", "model_info": {"retires_on": "soon"}}), "must be a date such as 2027-03-30"),
        (entry_of({"model": "gpt-4o"}, "opnai"), "unknown provider 'opnai'; did you mean 'openai'?"),
        (entry_of({"model": "opnai/gpt-4o"}), "cannot tell the provider; did you mean 'openai'?"),
        (entry_of({"model": "mystery"}), "cannot tell the provider; add litellm_provider, or write provider/model"),
        (
            entry_of({"model": "anthropic/claude"}, "openai"),
            "names provider 'anthropic', but litellm_provider is 'openai'",
        ),
        (entry_of({"model": "os.environ/NO_SUCH"}), "params.model: environment variable NO_SUCH is not set"),
        (entry_of({"model": "bedrock/a.b", "region": "us-east1"}), "'us-east1' is not the name of an AWS Region"),
        (entry_of({"model": "bedrock/a.b", "region": "us-east-1", "aws_region_name": "us-west-2"}), "is not the same"),
        (mapping_of("a#2"), "model_list[0].model_name: must be printable, without '#', '*' or space around it"),
        (mapping_of("a", modellist=[]), "modellist: unknown field, did you mean 'model_list'?"),
        (mapping_of("a", settings={"dedline": 1}), "settings.dedline: unknown field, did you mean 'deadline'?"),
        (mapping_of("a", settings={"deadline": 0}), "settings.deadline: must be more than 0, got 0"),
        (mapping_of("a", settings={"deadline": float("nan")}), "settings.deadline: "),
        (mapping_of("a", settings=[]), "settings: must be an object, got a list"),
        (mapping_of("a", fallbacks=[{"a": ["b"]}]), "fallbacks: must be an object like {NAME: [OTHER]}, got a list"),
        (mapping_of("a", fallbacks={"a": "b"}), "fallbacks.a: must be a list of names like [OTHER], got a string"),
        (mapping_of("a", fallbacks={"a": []}), "fallbacks.a: must be a list of names like [OTHER], got an empty list"),
        (mapping_of("a", fallbacks={"a": [1]}), "fallbacks.a[0]: must be a name, got a number"),
        (mapping_of("a", "b", fallbacks={"a": ["b", "b"]}), "fallbacks.a[1]: 'b' is listed twice; remove one"),
        (mapping_of("a", fallbacks={"b": ["a"]}), "fallbacks.b: unknown model 'b'; known: a"),
        (
            mapping_of("one", "two", fallbacks={"one": ["twoo"]}),
            "unknown model 'twoo'; did you mean 'two'?; known: one",
        ),
        (mapping_of("a", fallbacks={"a": ["a"]}), "fallbacks.a: goes round in a circle: a -> a; remove one of them"),
        (mapping_of(*"abc", fallbacks={"a": ["b"], "b": ["c"], "c": ["a"]}), "circle: a -> b -> c -> a"),
        (mapping_of("a", strategies={"s": ["t"], "t": ["a", "s"]}), "circle: s -> t -> s"),
        (mapping_of(*"ab", fallbacks={"a": ["s"]}, strategies={"s": ["b", "a"]}), "circle: a -> s -> a"),
        (mapping_of("a", strategies={"a": ["a"]}), "strategies.a: a model has this name too; rename one of them"),
        (mapping_of("a", strategies={"s": ["x"]}), "strategies.s[0]: unknown model 'x'; known: a, s"),
        (mapping_of("a", strategies={"s": ["a"]}, fallbacks={"s": ["a"]}), "fallbacks.s: is a strategy; add the names"),
    ],
)
def test_mistake_is_named_with_its_path_and_fix(mapping: Any, problem: str) -> None:
    problems = problems_of(mapping)

    assert any(problem in found for found in problems), problems


def test_every_mistake_is_listed_at_once() -> None:
    mapping = copy.deepcopy(ROUTER_STYLE_MAPPING)
    mapping["model_list"][0]["params"]["modle"] = "x"
    mapping["model_list"][3]["params"]["rpm"] = -5
    mapping["model_list"][4]["litellm_provider"] = "bedrok"
    del mapping["model_list"][5]["params"]["model"]
    mapping["fallbacks"]["openai-gpt4o"] = ["bedrock-claude-sonet"]
    mapping["fallbacks"]["bedrock-llama"] = ["bedrock-nova"]
    mapping["settings"] = {"max_attempts": 0, "dedline": 3}

    paths = [problem.partition(": ")[0] for problem in problems_of(mapping)]

    assert paths == [
        "model_list[0].params.modle",
        "model_list[3].params.rpm",
        "model_list[4].litellm_provider",
        "model_list[5].params.model",
        "fallbacks.openai-gpt4o[0]",
        "fallbacks.bedrock-llama",
        "settings.max_attempts",
        "settings.dedline",
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"model": "gpt-4o", "api_key": ["sk-secret"]},
        {"model": "gpt-4o", "api_key": "sk-secret with space"},
        {"model": "gpt-4o", "api_key": "sk-secretß"},
        {"model": "gpt-4o", "api_key": "$sk-secret"},
        {"model": "gpt-4o", "api_key": "os.environ/sk-secret"},
        {"model": "gpt-4o", "apikey": "sk-secret"},
        {"model": "gpt-4o", "api_key": {"sk-secret": "sk-secret"}},
        {"model": "gpt-4o", "api_base": "sk-secret"},
        {"model": "gpt-4o", "api_base": "https://me:sk-secret@host/v1"},
        {"model": "bedrock/a.b", "aws_secret_access_key": ["sk-secret"]},
        {"model": "gpt-4o", "extra_headers": {"x-a": "sk-secret\n"}},
        {"model": "gpt-4o", "extra_headers": {"sk-secret:": "x"}},
    ],
)
def test_key_is_never_quoted(params: dict[str, Any]) -> None:
    assert "sk-secret" not in str(problems_of(entry_of(params)))


@pytest.mark.parametrize(
    ("names", "parts", "warning"),
    [
        ("abc", {"fallbacks": {"a": ["b", "c"]}, "settings": {"max_attempts": 3}}, None),
        ("aabb", {"fallbacks": {"b": ["a"]}, "settings": {"max_attempts": 3}}, "'b', which has 4 deployments; raise"),
        (
            "abc",
            {"fallbacks": {"b": ["a"], "c": ["b"]}, "settings": {"max_attempts": 1}},
            "3 deployments, nor that of 1 m",
        ),
        (
            "abc",
            {"strategies": {"s": ["a", "b", "c"]}, "settings": {"max_attempts": 2}},
            "'s', which has 3 deployments; ",
        ),
    ],
)
def test_chain_that_the_attempts_do_not_reach_the_end_of_is_a_warning(
    names: str, parts: dict[str, Any], warning: str | None
) -> None:
    warnings = loaded(mapping_of(*names, **parts)).warnings
    if warning is None:
        assert warnings == ()
    else:
        (said,) = warnings
        assert said.startswith("settings.max_attempts: ")
        assert warning in said


def test_origins_are_read_as_browsers_send_them() -> None:
    config = loaded(
        mapping_of("a", settings={"cors_origins": ["https://app.example.com", "http://localhost:3000", "*"]})
    )
    assert config.settings.cors_origins == ("https://app.example.com", "http://localhost:3000", "*")


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.example.com", "null", ""])
def test_an_origin_that_no_browser_sends_is_a_mistake(origin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"settings\.cors_origins.*https://HOST"):
        loaded(mapping_of("a", settings={"cors_origins": [origin]}))
