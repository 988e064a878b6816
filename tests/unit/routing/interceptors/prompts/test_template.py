"""What becomes of a managed prompt: what is filled in, who wins, which model, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.errors import ConfigurationError, InvalidRequestError
from litellm_fallback_router.routing.interceptors.prompts.template import (
    PromptTemplate,
    merged,
    model_for,
    prompted,
    render,
)
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.mapping.governance import PromptAccess
from litellm_fallback_router.routing.types import ChatRequest, ModelInfo, Prompt
from tests.support.scripted import config_of, deployment

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
HOME = "arn:aws:bedrock:us-east-1:123456789012"


def template(*texts: str, **fields: Any) -> PromptTemplate:
    messages = tuple({"role": "user", "content": text} for text in texts)
    return PromptTemplate(**{"id": "ABCDEFGHIJ", "version": "1", "messages": messages, **fields})


def test_variables_are_filled_in_wherever_they_stand() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "{{b}}", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "."},
    ]
    messages = ({"role": "system", "content": "{{a}}, {{a}}"}, {"role": "user", "content": parts})

    system, user = render(template(messages=messages), {"a": "x", "b": "y"})

    assert system["content"] == "x, x"
    assert [part["text"] for part in user["content"]] == ["y", "."]
    assert user["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert parts[0]["text"] == "{{b}}", "the template itself is used again"


def test_a_system_prompt_of_the_callers_stands_behind_the_prompts() -> None:
    said = [("system", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")]
    own = [("system", "1"), ("developer", "2"), ("user", "3"), ("system", "4"), ("user", "5")]
    prompts, callers = ([{"role": role, "content": text} for role, text in each] for each in (said, own))
    prompt = Prompt("A")
    request = ChatRequest(model="m", messages=callers, prompt=prompt)
    joined = prompted(request, prompt, template(messages=prompts), config_of(deployment("m")))
    assert "".join(message["content"] for message in joined.messages) == "a12bcd345"


@given(st.text(), st.text())
def test_a_value_is_put_in_as_it_is_whatever_it_holds(first: str, second: str) -> None:
    (message,) = render(template("<{{a}}|{{b-c}}>"), {"a": first, "b-c": second})
    assert message["content"] == f"<{first}|{second}>"


def test_a_value_is_not_filled_in_itself() -> None:
    (message,) = render(template("{{a}} {{b}}"), {"a": "{{b}}", "b": r"\1 {{a}}"})
    assert message["content"] == r"{{b}} \1 {{a}}"


@pytest.mark.parametrize("text", ["{a}", "{{ a }}", "{{}}", "{{a b}}", "{{_a}}", "{{a__b}}", "}}a{{"])
def test_what_bedrock_would_not_call_a_variable_is_left_alone(text: str) -> None:
    assert render(template(text), {}) == [{"role": "user", "content": text}]


def test_missing_and_unknown_variables_are_named_all_at_once() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        render(template("{{city}} {{land}} {{year}}"), {"year": "2026", "town": "secret text", "Land": "x"})
    message = str(refused.value)
    assert "misses 'city', 'land'" in message
    assert "has no 'Land', 'town'; it takes 'city', 'land', 'year'" in message
    assert "secret text" not in message
    assert refused.value.param == "prompt.variables.city"


def test_a_declared_variable_that_the_text_has_no_use_for_may_be_given_or_not() -> None:
    unused = template("hello", declared=frozenset({"name"}))
    assert render(unused, {}) == render(unused, {"name": "x"}) == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("prompts", "callers", "expected"),
    [
        ({"temperature": 0.1, "max_tokens": 9}, {"temperature": 0.9}, {"temperature": 0.9, "max_tokens": 9}),
        ({"temperature": 0.1}, {"top_p": 0.5}, {"top_p": 0.5}),
        ({"top_p": 0.1}, {"temperature": 0.5}, {"temperature": 0.5}),
        ({"max_tokens": 9}, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"tools": ["a"], "tool_choice": "required"}, {"tools": ["b"]}, {"tools": ["b"]}),
        ({"tools": ["a"], "tool_choice": "required"}, {"tool_choice": "none"}, {"tools": ["a"], "tool_choice": "none"}),
        ({"tools": ["a"], "tool_choice": "required"}, {"functions": ["f"]}, {"functions": ["f"]}),
    ],
)
def test_the_callers_own_parameters_win(prompts: Any, callers: Any, expected: Any) -> None:
    assert merged(prompts, callers) == expected


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (HAIKU, "haiku"),
        (f"{HOME}:inference-profile/{HAIKU}", "haiku"),
        (HAIKU.removeprefix("us."), "haiku"),
        (HAIKU.replace("us.", "global."), "haiku-global"),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU.removeprefix('us.')}", "haiku"),
        (f"{HOME}:application-inference-profile/a1b2c3", "own"),
        ("gpt-4o", None),
        (f"{HOME}:application-inference-profile/other", None),
        (f"{HOME}:application-inference-profile/plain", None),
        ("anthropic.claude-haiku-4-5", None),
    ],
)
def test_the_prompts_model_is_found_by_id_profile_or_arn(asked: str, found: str | None) -> None:
    profile = f"{HOME}:application-inference-profile/a1b2c3"
    config = config_of(
        deployment("gpt", model="gpt-4o"),
        deployment("plain", provider="bedrock", model="plain"),
        deployment("own", provider="bedrock", model="something", extra={"model_id": profile}),
        deployment("haiku", provider="bedrock", model=HAIKU),
        deployment("haiku-global", provider="bedrock", model=HAIKU.replace("us.", "global.")),
    )
    if found:
        assert model_for(template("hi", model=asked), config) == found
        return
    with pytest.raises(InvalidRequestError, match=r"names the model .*; name a model yourself; known: gpt, plain"):
        model_for(template("hi", model=asked), config)


ACCESS = PromptAccess(allow=("ABCDEFGHIJ", f"{HOME}:prompt/0123456789"))


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (Prompt("ABCDEFGHIJ"), ("ABCDEFGHIJ", "DRAFT")),
        (Prompt("ABCDEFGHIJ", "DRAFT"), ("ABCDEFGHIJ", "DRAFT")),
        (Prompt("ABCDEFGHIJ", "12"), ("ABCDEFGHIJ", "12")),
        (Prompt("0123456789"), (f"{HOME}:prompt/0123456789", "DRAFT")),
        (Prompt(f"{HOME}:prompt/0123456789:3"), (f"{HOME}:prompt/0123456789", "3")),
        (Prompt(f"{HOME}:prompt/0123456789:3", "3"), (f"{HOME}:prompt/0123456789", "3")),
    ],
)
def test_an_allowed_prompt_is_read_as_the_operator_names_it(prompt: Prompt, found: tuple[str, str]) -> None:
    assert ACCESS.find(prompt) == found


@pytest.mark.parametrize(
    ("prompt", "param", "words"),
    [
        (Prompt("OTHERPROMP"), "prompt.id", "no prompt 'OTHERPROMP' that this gateway may use"),
        (Prompt(f"{HOME}:prompt/ABCDEFGHIJ"), "prompt.id", "it may use: ABCDEFGHIJ"),
        (Prompt("arn:aws:bedrock:us-east-1:999999999999:prompt/0123456789"), "prompt.id", "may use"),
        (Prompt(""), "prompt.id", "no prompt ''"),
        (Prompt("ABCDEFGHIJ", "latest"), "prompt.version", "no version 'latest'"),
        (Prompt("ABCDEFGHIJ", "0"), "prompt.version", "no version '0'"),
        (Prompt("ABCDEFGHIJ", "1&includedData=x"), "prompt.version", "no version"),
        (Prompt(f"{HOME}:prompt/0123456789:3", "4"), "prompt.version", "is of version '3'"),
    ],
)
def test_what_is_not_allowed_or_no_version_is_refused_before_bedrock_is_asked(
    prompt: Prompt, param: str, words: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        ACCESS.find(prompt)
    assert words in str(refused.value)
    assert (refused.value.param, refused.value.code) == (param, "prompt_not_found")


def problems(prompts: Any, **more: Any) -> str:
    entry = {"model_name": "a", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    with pytest.raises(ConfigurationError) as wrong:
        load_config({"model_list": [entry], "prompts": prompts, **more}, lambda _provider, _model: ModelInfo())
    return "\n".join(wrong.value.problems)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ({}, "prompts.allow: missing; add it"),
        ({"allow": []}, "prompts.allow: "),
        ({"allow": ["short"]}, "prompts.allow: 'short' is neither a prompt's id of 10 characters nor its ARN"),
        ({"allow": [f"{HOME}:prompt/0123456789:1"]}, "neither"),
        ({"allow": ["ABCDEFGHIJ"], "regoin": "us-east-1"}, "did you mean 'region'?"),
        ({"allow": [f"{HOME}:prompt/0123456789"], "region": "eu-west-1"}, "must be in one Region, got eu-west-1, us"),
        ("ABCDEFGHIJ", "prompts: must be an object, got a string"),
    ],
)
def test_a_wrong_list_stops_the_start_with_its_path(prompts: Any, words: str) -> None:
    assert words in problems(prompts)


def test_no_strategy_may_be_called_what_stands_for_a_prompts_own_model() -> None:
    assert "named 'prompt'" in problems({"allow": ["ABCDEFGHIJ"]}, strategies={"prompt": ["a"]})
