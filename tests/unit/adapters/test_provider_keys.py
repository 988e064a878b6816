"""A deployment's key is found where its provider keeps it, or the reason says what to set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.adapters.provider_keys import EnvironmentKeys
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.ports import Keys
from litellm_fallback_router.routing.types import Deployment, ModelInfo


def _deployment(model: str, **params: Any) -> Deployment:
    mapping = {"model_list": [{"model_name": "a", "params": {"model": model, **params}}]}
    return load_config(mapping, lambda provider, model: ModelInfo()).deployments[0]


def _keys(home: Path, **environment: str) -> EnvironmentKeys:
    return EnvironmentKeys(environment.get, home=home)


def test_keys_are_the_port(tmp_path: Path) -> None:
    port: Keys = _keys(tmp_path)

    assert port.missing(_deployment("ollama/llama3")) is None


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("gpt-4o", "OPENAI_API_KEY"),
        ("claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("azure/mine", "AZURE_API_KEY"),
        ("gemini/gemini-2.5-pro", "GEMINI_API_KEY"),
        ("groq/llama", "GROQ_API_KEY"),
        ("nano-gpt/x", "NANOGPT_API_KEY"),
        ("scaleway/x", "SCW_SECRET_KEY"),
        ("aihubmix/x", "AIHUBMIX_API_KEY"),
    ],
)
def test_providers_usual_variable_is_read_or_named(model: str, variable: str, tmp_path: Path) -> None:
    deployment = _deployment(model)

    assert _keys(tmp_path).missing(deployment) == f"no key: set {variable}"
    assert _keys(tmp_path, **{variable: "  "}).missing(deployment) == f"no key: set {variable}"
    assert _keys(tmp_path, **{variable: "k1"}).missing(deployment) is None
    assert _keys(tmp_path, **{variable: "k1\n"}).resolve(deployment) == "k1"


@pytest.mark.parametrize("key", ["sk-4711\nx", "sk 4711", "sk-4711\u00e9", "sk-4711\x01"])
@pytest.mark.parametrize(
    ("model", "variable", "more"),
    [
        ("gpt-4o", "OPENAI_API_KEY", {}),
        ("claude-haiku-4-5", "SECOND", {"api_key": "os.environ/SECOND"}),
        ("bedrock/us.amazon.nova-2-lite-v1:0", "AWS_BEARER_TOKEN_BEDROCK", {}),
    ],
)
def test_what_no_header_takes_is_no_key(
    model: str, variable: str, more: dict[str, str], key: str, tmp_path: Path
) -> None:
    deployment = _deployment(model, **more)
    keys = _keys(tmp_path, **{variable: key}, AWS_PROFILE="x")

    assert keys.resolve(deployment) is None
    why = keys.missing(deployment)
    assert why == f"no key: {variable} is set, but not to printable ASCII without spaces, as a key is sent in a header"


def test_second_usual_variable_counts_too(tmp_path: Path) -> None:
    assert _keys(tmp_path, GOOGLE_API_KEY="k1").resolve(_deployment("gemini/gemini-2.5-pro")) == "k1"


def test_reference_is_read_at_each_call_and_no_other_variable_stands_in(tmp_path: Path) -> None:
    environment = {"OPENAI_API_KEY": "usual"}
    keys = EnvironmentKeys(environment.get, home=tmp_path)
    deployment = _deployment("gpt-4o", api_key="os.environ/SECOND")

    assert keys.missing(deployment) == "no key: set SECOND"
    assert keys.resolve(deployment) is None
    environment["SECOND"] = "k2"
    assert keys.missing(deployment) is None
    assert keys.resolve(deployment) == "k2"


def test_literal_is_the_key_and_an_empty_one_is_missing(tmp_path: Path) -> None:
    assert _keys(tmp_path).resolve(_deployment("gpt-4o", api_key="sk-1")) == "sk-1"
    assert _keys(tmp_path).missing(_deployment("gpt-4o", api_key="")) == "no key: set OPENAI_API_KEY"


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_BEARER_TOKEN_BEDROCK": "x"},
        {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"},
        {"AWS_PROFILE": "x"},
        {"AWS_ROLE_ARN": "x"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "x"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "x"},
        {"AWS_LAMBDA_FUNCTION_NAME": "x"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_bedrock_takes_any_aws_credentials(environment: dict[str, str], tmp_path: Path) -> None:
    keys, deployment = _keys(tmp_path, **environment), _deployment("bedrock/a.b")

    assert keys.missing(deployment) is None
    assert keys.resolve(deployment) is None, "LiteLLM signs the call itself"


@pytest.mark.parametrize("environment", [{}, {"AWS_ACCESS_KEY_ID": "x"}, {"AWS_REGION": "us-east-1"}])
def test_bedrock_without_credentials_says_what_to_set(environment: dict[str, str], tmp_path: Path) -> None:
    missing = _keys(tmp_path, **environment).missing(_deployment("bedrock/a.b"))

    assert missing is not None
    assert missing.startswith("no key: set AWS_BEARER_TOKEN_BEDROCK, or AWS credentials")


def test_aws_files_count_as_credentials(tmp_path: Path) -> None:
    deployment = _deployment("bedrock/a.b")
    (tmp_path / ".aws").mkdir()
    assert _keys(tmp_path).missing(deployment) is not None
    (tmp_path / "elsewhere").touch()
    assert _keys(tmp_path, AWS_CONFIG_FILE=str(tmp_path / "elsewhere")).missing(deployment) is None
    (tmp_path / ".aws" / "credentials").touch()
    assert _keys(tmp_path).missing(deployment) is None


def test_machine_without_a_home_directory_has_no_aws_files() -> None:
    keys = _keys(Path("~no-such-user-anywhere"))

    assert keys.missing(_deployment("bedrock/a.b")) is not None


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("bedrock/a.b", {"aws_profile_name": "dev"}),
        ("bedrock/a.b", {"aws_role_name": "arn:aws:iam::123456789012:role/r"}),
        ("bedrock/a.b", {"api_key": "bedrock-key"}),
        ("azure/mine", {"azure_ad_token": "t"}),
        ("vertex_ai/gemini-2.5-pro", {"vertex_project": "p"}),
        ("openai/qwen", {"api_base": "http://localhost:8000/v1"}),
        ("anthropic/claude", {"api_base": "http://localhost:8000"}),
        ("hosted_vllm/qwen", {"api_base": "http://localhost:8000/v1"}),
        ("ollama_chat/llama3", {}),
    ],
)
def test_deployment_that_signs_in_otherwise_or_not_at_all_is_asked(
    model: str, params: dict[str, Any], tmp_path: Path
) -> None:
    assert _keys(tmp_path).missing(_deployment(model, **params)) is None


def test_vertex_takes_google_credentials(tmp_path: Path) -> None:
    deployment = _deployment("vertex_ai/gemini-2.5-pro")

    assert _keys(tmp_path).missing(deployment) == "no key: set GOOGLE_APPLICATION_CREDENTIALS"
    assert _keys(tmp_path, GOOGLE_APPLICATION_CREDENTIALS="/file").missing(deployment) is None


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("https://api.openai.com/v1", "sk-1"),
        ("https://eu.api.openai.com/v1", "sk-1"),
        ("https://openai.com.evil.example/v1", None),
        ("https://notopenai.com/v1", None),
        ("http://localhost:8000/v1", None),
    ],
)
def test_providers_key_goes_only_to_its_own_servers(base: str, key: str | None, tmp_path: Path) -> None:
    keys = _keys(tmp_path, OPENAI_API_KEY="sk-1")

    assert keys.resolve(_deployment("openai/gpt-4o", api_base=base)) == key
    assert keys.resolve(_deployment("openai/gpt-4o", api_base=base, api_key="os.environ/OPENAI_API_KEY")) == "sk-1"


def test_reference_that_was_not_set_at_the_start_leaves_the_deployment_out(tmp_path: Path) -> None:
    deployment = _deployment(
        "azure/mine",
        api_base="os.environ/AZURE_API_BASE",
        api_key="k",
        extra_headers={"x-tenant": "os.environ/TENANT"},
    )

    missing = _keys(tmp_path, AZURE_API_BASE="https://late.example").missing(deployment)

    assert missing == "incomplete: set AZURE_API_BASE, TENANT and start again"


async def test_there_is_nowhere_fresher_to_read_from(tmp_path: Path) -> None:
    assert await _keys(tmp_path).refresh(_deployment("gpt-4o")) is False
