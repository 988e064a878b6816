"""`docs/mapping.md` says what the code does."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.adapters.provider_keys import EnvironmentKeys
from litellm_fallback_router.routing.mapping import budgets, cache, governance, load_config
from litellm_fallback_router.routing.mapping import settings as settings_module
from litellm_fallback_router.routing.mapping.budgets import Budgets
from litellm_fallback_router.routing.mapping.cache import CacheRules
from litellm_fallback_router.routing.mapping.file import read_mapping
from litellm_fallback_router.routing.mapping.governance import Guardrail
from litellm_fallback_router.routing.mapping.schema import OPERATOR_PARAMS, InfoOverride, ModelEntry, Params
from litellm_fallback_router.routing.mapping.settings import Hedge, RouterSettings
from litellm_fallback_router.settings import Settings

PAGE = Path(__file__).parents[4] / "docs" / "mapping.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def _docstrings(source: str, class_name: str) -> dict[str, str]:
    tree = ast.parse(source)
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = inspect.cleandoc(ast.literal_eval(text.value)).replace("\n", " ")
    return found


def _range(constraints: list[Any]) -> str:
    words = {"gt": "more than", "ge": "from", "lt": "less than", "le": "to", "max_length": "a list of up to"}
    parts = []
    for constraint in constraints:
        for name, word in words.items():
            if (bound := getattr(constraint, name, None)) is not None:
                parts.append(f"{word} {bound:,}")
    return " ".join(parts) or "true or false"


def settings_table() -> str:
    """The table of `settings`, from the code."""
    docstrings = _docstrings(inspect.getsource(settings_module), "RouterSettings")
    lines = ["| setting | default | range | meaning |", "|---|---|---|---|"]
    for name, field in RouterSettings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else f"{field.default or 0:,}"
        default = "-" if field.default in ((), None) else default
        choices = [word for one in get_args(field.annotation) for word in get_args(one)]
        values = " or ".join(f"`{word}`" for word in choices) or _range(field.metadata)
        if any(isinstance(one, type) and issubclass(one, BaseModel) for one in get_args(field.annotation)):
            values = "an object"
        lines.append(f"| `{name}` | {default} | {values} | {docstrings[name]} |")
    return "\n".join(lines)


def test_settings_table_is_the_codes_own() -> None:
    written = TEXT.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0].strip()

    assert written == settings_table()


def fields_table(module: ModuleType, model: type[BaseModel]) -> str:
    """The table of a part of the mapping, from the code."""
    docstrings = _docstrings(inspect.getsource(module), model.__name__)
    lines = ["| field | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        value = None if field.is_required() else field.get_default(call_default_factory=True)
        default = "required" if field.is_required() else "" if value in (None, {}) else f"`{value}`".lower()
        lines.append(f"| `{name}` | {default} | {docstrings[name]} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("part", "module", "model"),
    [
        ("guardrail", governance, Guardrail),
        ("budgets", budgets, Budgets),
        ("cache", cache, CacheRules),
        ("hedge", settings_module, Hedge),
    ],
    ids=["guardrail", "budgets", "cache", "hedge"],
)
def test_the_table_of_a_part_is_the_codes_own(part: str, module: ModuleType, model: type[BaseModel]) -> None:
    written = TEXT.partition(f"<!-- {part} -->")[2].partition(f"<!-- /{part} -->")[0].strip()

    assert written == fields_table(module, model)


@pytest.mark.parametrize(
    "name",
    [
        *ModelEntry.model_fields,
        *Params.model_fields,
        *InfoOverride.model_fields,
        *sorted(OPERATOR_PARAMS),
        *(str(field.alias) for field in Settings.model_fields.values()),
    ],
)
def test_every_field_is_described(name: str) -> None:
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("example", EXAMPLES, ids=["whole", "embeddings", "hedge", "budgets", "any-server", "litellm"])
def test_example_loads(example: str, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(example, encoding="utf-8")

    config = load_config(read_mapping(file), describe)

    named = {item["model_name"] for item in yaml.safe_load(example)["model_list"]}
    assert set(config.chains) - config.strategies == named


def test_litellm_example_warns_as_the_page_says(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(EXAMPLES[5], encoding="utf-8")

    config = load_config(read_mapping(file), describe)

    assert "```text\n" + "\n".join(config.warnings) + "\n```" in TEXT
    assert config.chains == {"gpt-4o": ("gpt-4o", "claude"), "claude": ("claude", "gpt-4o")}
    assert config.settings.tries_per_deployment == config.settings.tries_on_last == 2
    assert config.deployments[0].answer_timeout == 30


def test_own_servers_of_the_example_need_no_key(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yml"
    file.write_text(EXAMPLES[4], encoding="utf-8")
    keys = EnvironmentKeys({"OPENAI_API_KEY": "sk-secret"}.get, home=tmp_path)

    azure, vllm, ollama = load_config(read_mapping(file), describe).deployments

    assert keys.missing(azure) == "no key: set AZURE_API_KEY"
    assert keys.missing(vllm) is None
    assert keys.resolve(vllm) is None, "OpenAI's key must not go to another server"
    assert keys.missing(ollama) is None
    assert (azure.litellm_model, azure.extra) == ("azure/our-gpt-4o", {"api_version": "2024-10-21"})
    assert azure.info.input_usd_per_token == 2.5e-06
    assert (vllm.litellm_model, vllm.info.images) == ("openai/Qwen/Qwen3-32B", False)
    assert (ollama.litellm_model, ollama.api_base) == ("openai/llama3.3", "http://localhost:11434/v1")
