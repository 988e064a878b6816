"""A mapping becomes chains and deployments; a wrong one names every mistake, its path and the fix."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping.config import RouterConfig, load_config
from litellm_fallback_router.routing.types import Deployment, ModelInfo


def _load(mapping: Any, environment: dict[str, str] | None = None) -> RouterConfig:
    return load_config(mapping, lambda provider, model: ModelInfo(), (environment or {}).get)


def _problems(mapping: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        _load(mapping)
    return caught.value.problems


def _mapping(*names: str, **parts: Any) -> dict[str, Any]:
    models = [{"model_name": name, "params": {"model": "openai/gpt-4o"}} for name in names]
    return {"model_list": models, **parts}


def _one(params: dict[str, Any], provider: str | None = None) -> dict[str, Any]:
    entry = {"model_name": "a", "params": params}
    return {"model_list": [entry if provider is None else {**entry, "litellm_provider": provider}]}


def _deployment(params: dict[str, Any], provider: str | None = None) -> Deployment:
    return _load(_one(params, provider)).deployments[0]


def test_chain_is_the_model_then_its_fallbacks_then_theirs_each_once() -> None:
    config = _load(_mapping(*"abcde", fallbacks={"a": ["b", "c"], "b": ["d"], "c": ["e", "d"], "d": ["e"]}))

    assert config.chains["a"] == ("a", "b", "c", "d", "e")
    assert config.chains["c"] == ("c", "e", "d")
    assert config.chains["e"] == ("e",)


def test_strategy_is_exactly_its_members_and_expands_in_place() -> None:
    strategies = {"outer": ["a", "inner", "d"], "inner": ["b", "c"]}
    config = _load(_mapping(*"abcd", fallbacks={"c": ["d"]}, strategies=strategies))

    assert config.chains["outer"] == ("a", "b", "c", "d")
    assert config.chains["inner"] == ("b", "c")
    assert config.strategies == {"outer", "inner"}


def test_strategy_stands_for_its_members_in_a_fallbacks_list() -> None:
    config = _load(_mapping(*"abcde", fallbacks={"a": ["both", "d"], "c": ["e"]}, strategies={"both": ["b", "c"]}))

    assert config.chains["a"] == ("a", "b", "c", "d")


def test_model_listed_beside_a_strategy_it_belongs_to_brings_its_fallbacks() -> None:
    fallbacks = {"a": ["s", "b"], "b": ["c"]}
    config = _load(_mapping(*"abc", fallbacks=fallbacks, strategies={"s": ["b"]}))

    assert config.chains["a"] == ("a", "b", "c")


def test_model_name_given_twice_is_a_group() -> None:
    mapping = _mapping("a", "b", "a", "a")
    mapping["model_list"][2]["params"] |= {"weight": 3, "rpm": 7}
    config = _load(mapping)

    assert [one.id for one in config.deployments] == ["a", "b", "a#2", "a#3"]
    assert [one.weight for one in config.group("a")] == [1.0, 3.0, 1.0]
    assert config.group("a")[1].rpm == 7
    assert config.chains == {"a": ("a",), "b": ("b",)}


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("gpt-4o", "openai", ("openai", "gpt-4o", "openai/gpt-4o")),
        ("openai/gpt-4o", "openai", ("openai", "gpt-4o", "openai/gpt-4o")),
        ("openai/gpt-4o", None, ("openai", "gpt-4o", "openai/gpt-4o")),
        ("gpt-4o", None, ("openai", "gpt-4o", "openai/gpt-4o")),
        ("o3-mini", None, ("openai", "o3-mini", "openai/o3-mini")),
        ("claude-haiku-4-5", None, ("anthropic", "claude-haiku-4-5", "anthropic/claude-haiku-4-5")),
        ("groq/openai/gpt-oss-120b", None, ("groq", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b")),
        ("us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("us.amazon.nova-2-lite-v1:0", "bedrock_converse", ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/converse/us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/invoke/mistral.x-v1:0", None, ("bedrock", "mistral.x-v1:0", "bedrock/invoke/mistral.x-v1:0")),
    ],
)
def test_model_is_named_for_litellm(model: str, provider: str | None, expected: tuple[str, str, str | None]) -> None:
    deployment = _deployment({"model": model}, provider)

    litellm_model = expected[2] or f"bedrock/converse/{expected[1]}"
    assert (deployment.provider, deployment.model, deployment.litellm_model) == (*expected[:2], litellm_model)


def test_region_inside_a_bedrock_name_is_the_deployments() -> None:
    deployment = _deployment({"model": "bedrock/eu-west-1/eu.amazon.nova-2-lite-v1:0"})

    assert deployment.region == "eu-west-1"
    assert deployment.litellm_model == "bedrock/converse/eu.amazon.nova-2-lite-v1:0"


@pytest.mark.parametrize("name", ["region", "aws_region_name"])
def test_region_has_two_names(name: str) -> None:
    assert _deployment({"model": "us.amazon.nova-2-lite-v1:0", name: "us-west-2"}).region == "us-west-2"


@pytest.mark.parametrize(
    ("params", "credential"),
    [
        ({"model": "gpt-4o"}, "openai:OPENAI_API_KEY"),
        ({"model": "gpt-4o", "api_key": ""}, "openai:OPENAI_API_KEY"),
        ({"model": "gpt-4o", "api_key": "os.environ/SECOND_KEY"}, "openai:SECOND_KEY"),
        ({"model": "gpt-4o", "api_key": "sk-secret"}, "openai:literal-746b4ad1"),
        (
            {"model": "gpt-4o", "api_key": "sk-secret", "api_base": "https://host:8/v1/"},
            "openai:literal-746b4ad1@host:8/v1",
        ),
        ({"model": "gpt-4o", "api_base": "http://localhost:8000/v1"}, "openai:none@localhost:8000/v1"),
        ({"model": "ollama/llama3"}, "ollama:none"),
        ({"model": "bedrock/x.y-v1"}, "bedrock:aws"),
        ({"model": "bedrock/x.y-v1", "aws_profile_name": "dev"}, "bedrock:dev"),
        ({"model": "bedrock/x.y-v1", "aws_role_name": "arn:aws:iam::1:role/r"}, "bedrock:arn:aws:iam::1:role/r"),
        ({"model": "bedrock/x.y-v1", "aws_access_key_id": "os.environ/KEY_ID"}, "bedrock:KEY_ID"),
        ({"model": "bedrock/x.y-v1", "api_key": "os.environ/AWS_BEARER_TOKEN_BEDROCK"}, None),
    ],
)
def test_credential_is_named_without_revealing_it(params: dict[str, Any], credential: str | None) -> None:
    assert _deployment(params).credential == (credential or "bedrock:AWS_BEARER_TOKEN_BEDROCK")


def test_key_stays_a_reference_and_every_other_reference_is_read() -> None:
    params = {
        "model": "os.environ/MODEL",
        "api_base": "os.environ/BASE",
        "api_key": "os.environ/KEY",
        "extra_headers": {"x-tenant": "os.environ/TENANT", "x-plain": "1"},
    }
    environment = {"MODEL": "azure/mine", "BASE": "https://b.example", "KEY": "secret", "TENANT": "t1"}
    deployment = _load(_one(params), environment).deployments[0]

    assert (deployment.litellm_model, deployment.api_base) == ("azure/mine", "https://b.example")
    assert deployment.api_key == "os.environ/KEY"
    assert deployment.extra == {"extra_headers": {"x-tenant": "t1", "x-plain": "1"}}


def test_model_info_overrides_what_the_price_map_knows() -> None:
    asked: list[tuple[str, str]] = []

    def describe(provider: str, model: str) -> ModelInfo:
        asked.append((provider, model))
        return ModelInfo(images=True, tools=True, max_input_tokens=10)

    info = {"base_model": "azure/gpt-4o", "images": False, "max_input_tokens": 99, "retires_on": "2027-03-30"}
    config = load_config(_one({"model": "azure/mine", "model_info": info}), describe)

    assert asked == [("azure", "gpt-4o")]
    assert config.deployments[0].info == ModelInfo(
        images=False, tools=True, max_input_tokens=99, retires_on="2027-03-30"
    )


def test_timeouts_and_null_fields_are_read() -> None:
    deployment = _deployment(
        {"model": "gpt-4o", "first_token_timeout": 5, "answer_timeout": 7.5, "rpm": None, "api_key": None}
    )

    assert (deployment.first_token_timeout, deployment.answer_timeout) == (5, 7.5)
    assert [deployment.stall_timeout, deployment.rpm, deployment.api_key] == [None, None, None]


def test_key_is_not_in_a_deployments_repr() -> None:
    deployment = _deployment({"model": "gpt-4o", "api_key": "sk-secret", "extra_headers": {"x": "hidden"}})

    assert "sk-secret" not in repr(deployment)
    assert "hidden" not in repr(deployment)


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
        (_one({}), "model_list[0].params.model: missing; add it"),
        (_one({"model": "gpt-4o", "rpm": -5}), "model_list[0].params.rpm: must be at least 1, got -5"),
        (_one({"model": "gpt-4o", "rpm": True}), "model_list[0].params.rpm: must be a whole number, got true or false"),
        (_one({"model": "gpt-4o", "rpm": "9"}), "model_list[0].params.rpm: must be a whole number, got a string"),
        (_one({"model": "gpt-4o", "weight": 0}), "model_list[0].params.weight: must be more than 0, got 0"),
        (_one({"model": "gpt-4o", "answer_timeout": 901}), "must be at most 900, got 901"),
        (_one({"model": "gpt 4o"}), "model_list[0].params.model: must be printable, without spaces"),
        (_one({"modle": "gpt-4o"}), "model_list[0].params.modle: unknown field, did you mean 'model'?"),
        (_one({"model": "gpt-4o", "api_verison": "1"}), "did you mean 'api_version'?"),
        (_one({"model": "gpt-4o", "api_version": 1}), "params.api_version: must be a string, got a number"),
        (_one({"model": "gpt-4o", "extra_headers": []}), "params.extra_headers: must be an object, got a list"),
        (
            _one({"model": "gpt-4o", "temperature": 1}),
            "model_list[0].params.temperature: not a field here: callers send it with the request",
        ),
        (_one({"model": "gpt-4o", "api_base": "localhost:80"}), "must be a URL such as http://localhost:8000/v1"),
        (_one({"model": "gpt-4o", "api_base": "http://a:99999/v1"}), "must be a URL such as http://localhost:8000/v1"),
        (_one({"model": "gpt-4o", "api_base": "http://a:b/v1"}), "must be a URL such as http://localhost:8000/v1"),
        (
            _one({"model": "bedrock/a.b", "aws_bedrock_runtime_endpoint": "nonsense"}),
            "params.aws_bedrock_runtime_endpoint: must be a URL such as https://host",
        ),
        (_one({"model": "gpt-4o", "extra_headers": {"x-a": 5}}), "extra_headers.x-a: must be a string of printable"),
        (
            _one({"model": "gpt-4o", "extra_headers": {"x-a": "b\nc"}}),
            "extra_headers.x-a: must be a string of printable",
        ),
        (_one({"model": "gpt-4o", "extra_headers": {"x-a": "ß"}}), "extra_headers.x-a: must be a string of printable"),
        (_one({"model": "gpt-4o", "extra_headers": {"x a": "b"}}), "extra_headers: a header's name must be letters"),
        (_one({"model": "gpt-4o", "extra_headers": {5: "b"}}), "extra_headers: a header's name must be letters"),
        (_one({"model": "gpt-4o", "api_base": "http://[1"}), "must be a URL such as http://localhost:8000/v1"),
        (_one({"model": "gpt-4o", "model_info": {"image": True}}), "model_info.image: unknown field, did you mean 'im"),
        (_one({"model": "a", "model_info": {"retires_on": "soon"}}), "must be a date such as 2027-03-30"),
        (_one({"model": "gpt-4o"}, "opnai"), "unknown provider 'opnai'; did you mean 'openai'?"),
        (_one({"model": "opnai/gpt-4o"}), "cannot tell the provider; did you mean 'openai'?"),
        (_one({"model": "mystery"}), "cannot tell the provider; add litellm_provider, or write provider/model"),
        (_one({"model": "anthropic/claude"}, "openai"), "names provider 'anthropic', but litellm_provider is 'openai'"),
        (_one({"model": "os.environ/NO_SUCH"}), "params.model: environment variable NO_SUCH is not set"),
        (_one({"model": "bedrock/a.b", "region": "us-east1"}), "'us-east1' is not the name of an AWS Region"),
        (_one({"model": "bedrock/a.b", "region": "us-east-1", "aws_region_name": "us-west-2"}), "is not the same"),
        (_mapping("a#2"), "model_list[0].model_name: must be printable, without '#', '*' or space around it"),
        (_mapping("a", modellist=[]), "modellist: unknown field, did you mean 'model_list'?"),
        (_mapping("a", settings={"dedline": 1}), "settings.dedline: unknown field, did you mean 'deadline'?"),
        (_mapping("a", settings={"deadline": 0}), "settings.deadline: must be more than 0, got 0"),
        (_mapping("a", settings={"deadline": float("nan")}), "settings.deadline: "),
        (_mapping("a", settings=[]), "settings: must be an object, got a list"),
        (_mapping("a", fallbacks=[{"a": ["b"]}]), "fallbacks: must be an object like {NAME: [OTHER]}, got a list"),
        (_mapping("a", fallbacks={"a": "b"}), "fallbacks.a: must be a list of names like [OTHER], got a string"),
        (_mapping("a", fallbacks={"a": []}), "fallbacks.a: must be a list of names like [OTHER], got an empty list"),
        (_mapping("a", fallbacks={"a": [1]}), "fallbacks.a[0]: must be a name, got a number"),
        (_mapping("a", "b", fallbacks={"a": ["b", "b"]}), "fallbacks.a[1]: 'b' is listed twice; remove one"),
        (_mapping("a", fallbacks={"b": ["a"]}), "fallbacks.b: unknown model 'b'; known: a"),
        (_mapping("one", "two", fallbacks={"one": ["twoo"]}), "unknown model 'twoo'; did you mean 'two'?; known: one"),
        (_mapping("a", fallbacks={"a": ["a"]}), "fallbacks.a: goes round in a circle: a -> a; remove one of them"),
        (_mapping(*"abc", fallbacks={"a": ["b"], "b": ["c"], "c": ["a"]}), "circle: a -> b -> c -> a"),
        (_mapping("a", strategies={"s": ["t"], "t": ["a", "s"]}), "circle: s -> t -> s"),
        (_mapping(*"ab", fallbacks={"a": ["s"]}, strategies={"s": ["b", "a"]}), "circle: a -> s -> a"),
        (_mapping("a", strategies={"a": ["a"]}), "strategies.a: a model has this name too; rename one of them"),
        (_mapping("a", strategies={"s": ["x"]}), "strategies.s[0]: unknown model 'x'; known: a, s"),
        (_mapping("a", strategies={"s": ["a"]}, fallbacks={"s": ["a"]}), "fallbacks.s: is a strategy; add the names"),
    ],
)
def test_mistake_is_named_with_its_path_and_fix(mapping: Any, problem: str) -> None:
    problems = _problems(mapping)

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

    paths = [problem.partition(": ")[0] for problem in _problems(mapping)]

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
    assert "sk-secret" not in str(_problems(_one(params)))


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
    warnings = _load(_mapping(*names, **parts)).warnings
    if warning is None:
        assert warnings == ()
    else:
        (said,) = warnings
        assert said.startswith("settings.max_attempts: ")
        assert warning in said


def test_origins_are_read_as_browsers_send_them() -> None:
    config = _load(_mapping("a", settings={"cors_origins": ["https://app.example.com", "http://localhost:3000", "*"]}))
    assert config.settings.cors_origins == ("https://app.example.com", "http://localhost:3000", "*")


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.example.com", "null", ""])
def test_an_origin_that_no_browser_sends_is_a_mistake(origin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"settings\.cors_origins.*https://HOST"):
        _load(_mapping("a", settings={"cors_origins": [origin]}))
