"""Mistakes as people make them in a file: each is told with its path and with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.mapping.file import read_mapping

ONE = "model_list: [{model_name: a, params: {model: gpt-4o}}]\n"


def params(text: str) -> str:
    return f"model_list: [{{model_name: a, params: {{model: gpt-4o, {text}}}}}]\n"


def problems(text: str, folder: Path, suffix: str = ".yaml") -> list[str]:
    file = folder / f"my{suffix}"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config(read_mapping(file), describe)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# nothing yet\n", ["the mapping must be an object with model_list in it; it is empty"]),
        (
            "model_list:\n  - model_name: a\n    model: gpt-4o\n    api_key: sk-1\n",
            [
                "model_list[0].model: belongs in params; move it there",
                "model_list[0].api_key: belongs in params; move it there",
                "model_list[0].params: missing; add it",
            ],
        ),
        (
            "model_list: [{model_name: a, params: {model:gpt-4o}}]\n",
            [
                "model_list[0].params.model: missing; add it",
                "model_list[0].params.model:gpt-4o: unknown field; put a space after the colon",
            ],
        ),
        (
            "model_list: [{model_name: '', params: {model: gpt-4o}}]\nfallbacks: {a: [b]}\n",
            ["model_list[0].model_name: must not be empty"],
        ),
        (
            "model_list: [{model_name: '', params: {model: gpt-4o}}, {model_name: b, params: {model: gpt-4o}}]\n"
            "fallbacks: {a: [b]}\n",
            ["model_list[0].model_name: must not be empty", "fallbacks.a: unknown model 'a'; known: b"],
        ),
        (
            "model_list: [{model_name: a, litellm_provider: opnai, params: {modle: gpt-4o}}]\n",
            [
                "model_list[0].params.model: missing; add it",
                "model_list[0].params.modle: unknown field, did you mean 'model'?",
                "model_list[0].litellm_provider: unknown provider 'opnai'; did you mean 'openai'?",
            ],
        ),
        (
            "model_list: [{model_name: a, litellm_provider: OpenAI, params: {model: gpt-4o}}]\n",
            ["model_list[0].litellm_provider: unknown provider 'OpenAI'; did you mean 'openai'?"],
        ),
        (
            params("api_key: OPENAI_API_KEY"),
            ["model_list[0].params.api_key: looks like a variable's name; write os.environ/OPENAI_API_KEY"],
        ),
        (
            params("api_key: 'os.environ.get(\"OPENAI_API_KEY\")'"),
            ["model_list[0].params.api_key: a reference is os.environ/NAME, with a variable's name"],
        ),
        (params("base_url: 'http://x'"), ["model_list[0].params.base_url: unknown field; write api_base"]),
        (
            params("timeout: 30"),
            ["model_list[0].params.timeout: unknown field; write answer_timeout or first_token_timeout"],
        ),
        (
            params("max_tokens: 30"),
            ["model_list[0].params.max_tokens: not a field here: callers send it with the request"],
        ),
        (
            params("rpm: 1.5"),
            ["model_list[0].params.rpm: must be a whole number, got a number with a decimal point"],
        ),
        (
            "model_list: [gpt-4o]\n",
            ["model_list[0]: must be an object like {model_name: NAME, params: {model: MODEL}}, got a string"],
        ),
        (ONE + "fallbacks: [{a: [b]}]\n", ["fallbacks: must be an object like {NAME: [OTHER]}, got a list"]),
        (ONE + "fallbacks: {a: b}\n", ["fallbacks.a: must be a list of names like [OTHER], got a string"]),
        (
            ONE + "strategies: {s: [s]}\n",
            ["strategies.s: goes round in a circle: s -> s; remove one of them"],
        ),
        (ONE + "settings: {deadline: .inf}\n", ["settings.deadline: must be a finite number"]),
        (
            "model_list:\n\t- {model_name: a}\n",
            [
                r"my.yaml: line 2, column 1: found character '\t' that cannot start any token; "
                "indent with spaces, not tabs"
            ],
        ),
        ("model_list: [{model_name: a\n", ["my.yaml: line 2, column 1: expected ',' or '}', but got '<stream end>'"]),
    ],
)
def test_mistake_in_a_file_is_told_with_its_fix(text: str, told: list[str], tmp_path: Path) -> None:
    assert problems(text, tmp_path) == told


def test_list_of_known_fields_is_short_enough_to_read(tmp_path: Path) -> None:
    (told,) = problems(params("colour: red"), tmp_path)
    assert told.startswith("model_list[0].params.colour: unknown field; known: model, api_key, api_base")
    assert len(told) < 200


def test_text_of_the_file_in_a_yaml_mistake_is_not_shown(tmp_path: Path) -> None:
    (told,) = problems("model_list: *sk-secret\n", tmp_path)
    assert "sk-secret" not in told
