"""AppConfig's validator: what the gateway or its role would refuse is refused before anyone has it."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.entrypoints.mapping_validator import MappingRefusedError, handler
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import future_deployments


@pytest.fixture(autouse=True)
def in_lambda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "validator")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("ROUTER_MODELS", "bedrock/us.amazon.nova-pro-v1:0@us-west-2,openai/gpt-5,gemini/*")


def check(mapping: Any) -> None:
    content = mapping if isinstance(mapping, bytes) else json.dumps(mapping).encode()
    handler({"content": base64.b64encode(content).decode(), "uri": "", "configurationVersion": "1"}, None)


def refusals(mapping: Any) -> list[str]:
    with pytest.raises(MappingRefusedError) as refused:
        check(mapping)
    return str(refused.value).splitlines()


def with_model(provider: str, **params: Any) -> dict[str, Any]:
    mapping = copy.deepcopy(ROUTER_STYLE_MAPPING)
    mapping["model_list"].append({"model_name": "new", "litellm_provider": provider, "params": params})
    return mapping


@pytest.mark.parametrize(
    ("provider", "params"),
    [
        ("bedrock", {"model": "us.amazon.nova-pro-v1:0", "region": "us-west-2"}),
        ("bedrock", {"model": "us.amazon.nova-2-lite-v1:0"}),  # the stage's own Region, which the shipped one names
        ("openai", {"model": "gpt-5"}),
        ("gemini", {"model": "gemini-3-pro"}),
    ],
)
def test_the_deployed_models_and_those_that_the_stage_may_name_one_day_pass(
    provider: str, params: dict[str, Any]
) -> None:
    check(ROUTER_STYLE_MAPPING)
    check(with_model(provider, **params))


@pytest.mark.parametrize(
    ("provider", "params", "word"),
    [
        (
            "bedrock",
            {"model": "us.amazon.nova-pro-v1:0", "region": "us-east-1"},
            "bedrock/us.amazon.nova-pro-v1:0@us-east-1",
        ),
        ("bedrock", {"model": "us.amazon.nova-pro-v1:0"}, "bedrock/us.amazon.nova-pro-v1:0@us-east-1"),
        ("openai", {"model": "gpt-6"}, "openai/gpt-6"),
        ("mistral", {"model": "mistral-large-latest"}, "mistral/mistral-large-latest"),
    ],
)
def test_a_model_outside_is_refused_with_the_word_that_would_let_it_in(
    provider: str, params: dict[str, Any], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (said,) = refusals(with_model(provider, **params))
    assert said.startswith(f"new: this stage may not ask {word};")
    monkeypatch.setenv("ROUTER_MODELS", word)
    check(with_model(provider, **params))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"fallbacks": {"openai-gpt4o": ["nobody"]}}, "fallbacks.openai-gpt4o[0]: unknown model 'nobody'"),
        ({"settings": {"deadline": 300}}, "settings.deadline: API Gateway waits 290 seconds at most"),
        ({"settings": {"responses_store": "memory"}}, "settings.responses_store: memory is no place on Lambda"),
        ({"settings": {"responses_store": "dynamodb"}}, "settings.responses_store: set ROUTER_RESPONSES_TABLE"),
        ({"guardrail": {"id": "abcdefghij", "version": "1"}}, "guardrail: another than the stage was deployed with"),
        ({"prompts": {"allow": ["ABCDEFGHIJ"]}}, "prompts.allow: this stage may not read ABCDEFGHIJ"),
    ],
)
def test_what_the_gateway_or_its_role_would_refuse_is_refused(parts: dict[str, Any], said: str) -> None:
    assert any(line.startswith(said) for line in refusals({**ROUTER_STYLE_MAPPING, **parts}))


def test_every_mistake_is_said_and_no_key_is() -> None:
    mapping = with_model("openai", model="gpt-5", api_key="sk-secret")
    mapping["model_list"].append(
        {
            "model_name": "role",
            "litellm_provider": "bedrock",
            "params": {
                "model": "us.amazon.nova-pro-v1:0",
                "region": "us-west-2",
                "aws_role_name": "arn:aws:iam::1:role/x",
                "aws_session_name": "s",
            },
        }
    )
    said = refusals(mapping)
    assert [line.partition(":")[0] for line in said] == ["new", "role"]
    assert "sk-secret" not in "".join(said)


def test_a_stage_whose_providers_are_simulated_takes_what_another_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", "http://127.0.0.1:9")
    check(with_model("openai", model="gpt-5"))
    (said,) = refusals(with_model("openai", model="gpt-6"))
    assert said.startswith("new: this stage may not ask openai/gpt-6;")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null", b"[]"])
def test_what_is_no_mapping_is_refused(content: bytes) -> None:
    assert len(refusals(content)) == 1


def test_a_word_that_names_no_model_is_refused_with_the_form() -> None:
    for word in ("gpt-5", "/gpt-5", "openai/", "bedrock/*"):
        with pytest.raises(ConfigurationError, match="models"):
            future_deployments([word])
    assert future_deployments([]) == ()
