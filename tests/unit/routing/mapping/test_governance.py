"""`guardrail` of the mapping: what is taken, and what is said of mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import load
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import load_settings

ARN = "arn:aws:bedrock:eu-west-1:123456789012:guardrail/abc123"


def guardrail(env: dict[str, str] | None = None, **fields: Any) -> Any:
    return load(load_settings(env or {}), {**ROUTER_STYLE_MAPPING, "guardrail": fields}).guardrail


def test_a_version_may_be_a_number_and_off_may_be_what_yaml_makes_of_it() -> None:
    made = guardrail(id=ARN, version=3, stream_window=False)

    assert (made.version, made.stream_window, made.place) == ("3", "off", "eu-west-1")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "My Guardrail", "guardrail.id: must be a guardrail's id"),
        ("version", "latest", "guardrail.version: must be a published version's number"),
        ("region", "Frankfurt", "guardrail.region: "),
        ("stream_window", 10, "guardrail.stream_window: must be 200 to 20000 characters, 'end' or 'off'"),
        ("on_block", "ignore", "guardrail.on_block: "),
        ("parallel", "yes", "guardrail.parallel: must be true or false"),
        ("on_unreachble", "fail_open", "did you mean 'on_unreachable'?"),
    ],
)
def test_a_mistake_is_named_with_its_path(field: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        guardrail(**{"id": "abc123", "version": "1", field: value})
    assert said in str(wrong.value)


def test_the_environment_names_the_guardrail_and_the_mapping_says_how() -> None:
    named = {"ROUTER_GUARDRAIL_ID": "abc123", "ROUTER_GUARDRAIL_VERSION": "2"}
    made = guardrail(named, on_block="error")

    assert (made.id, made.version, made.on_block) == ("abc123", "2", "error")
    with pytest.raises(ConfigurationError, match=r"guardrail\.version: missing"):
        guardrail({"ROUTER_GUARDRAIL_ID": "abc123"})
