"""Profiles: how they merge, and that nothing else asks for a provider by its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from litellm_fallback_router.providers import (
    PROFILES,
    Override,
    Profile,
    SignIn,
    canonical_name,
    known_providers,
    merged,
    profile_of,
)
from tests.support.scripted import deployment

ROOT = Path(__file__).parents[3]
PRODUCT = ROOT / "lambda_src" / "litellm_fallback_router"
NAMES = known_providers() | {alias for profile in PROFILES.values() for alias in profile.aliases}
OTHER_MEANINGS = frozenset({"custom"})
"""Names of providers that are also a kind of OpenAI's tools."""


def compared(source: str) -> list[int]:
    """Lines that ask whether something is, or begins with, the name of a provider."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if _compares(node)]  # type: ignore[attr-defined]


def _compares(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        wanted: list[ast.expr] = [node.left, *node.comparators]
        texts = [ast.unparse(one) for one in wanted]
        allowed = frozenset() if any("provider" in text for text in texts) else OTHER_MEANINGS
        return any(_named(one) - allowed for one in wanted) or _is_in_a_table(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith":
        return any("provider" in ast.unparse(node.func.value) and _is_string(one) for one in node.args)
    return isinstance(node, ast.MatchValue) and bool(_named(node.value) - OTHER_MEANINGS)


def _is_in_a_table(node: ast.Compare) -> bool:
    """`deployment.provider in NAMES`: a set of names beside the profiles."""
    tables = [one for one in node.comparators if isinstance(one, ast.Name) and one.id.isupper()]
    return isinstance(node.ops[0], ast.In | ast.NotIn) and ast.unparse(node.left).endswith("provider") and bool(tables)


def _named(node: ast.expr) -> frozenset[str]:
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return frozenset().union(*map(_named, node.elts))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"set", "frozenset", "tuple"} and node.args:
        return _named(node.args[0])
    return frozenset({node.value}) & NAMES if isinstance(node, ast.Constant) and isinstance(node.value, str) else NONE


def _is_string(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(node))


NONE: frozenset[str] = frozenset()
SOURCES = [
    path.relative_to(ROOT).as_posix()
    for folder in (PRODUCT, ROOT / "infra")
    for path in sorted(folder.rglob("*.py"))
    if PRODUCT / "providers" not in path.parents
]


@pytest.mark.parametrize("source", SOURCES)
def test_no_provider_is_asked_for_by_name(source: str) -> None:
    assert compared((ROOT / source).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'd.provider == "openai"',
        '"bedrock" != name',
        'd.provider in ("openai", "azure")',
        'd.provider in frozenset({"sagemaker"})',
        'provider == "custom"',
        'provider.startswith("azure")',
        "d.provider not in SOME_NAMES",
        'match x:\n    case "anthropic":\n        pass',
    ],
)
def test_a_comparison_with_a_name_is_found(line: str) -> None:
    assert compared(line)


@pytest.mark.parametrize("line", ['kind == "custom"', '"claude" in model', 'name = "openai"', 'x == "messages"'])
def test_what_is_no_comparison_with_a_name_is_left_alone(line: str) -> None:
    assert compared(line) == []


def test_what_differs_replaces_what_the_provider_has_and_nothing_else_does() -> None:
    base = PROFILES["bedrock"]
    nova = profile_of("bedrock", "us.amazon.nova-2-lite-v1:0")
    assert merged(base, Override()) is base
    assert nova.dialect.mixed_turns
    assert not base.dialect.mixed_turns
    assert (nova.fixes, nova.routes, nova.finish_reasons) == (base.fixes, base.routes, base.finish_reasons)


def test_claude_is_claude_wherever_it_is_sold() -> None:
    for provider, model in [
        ("anthropic", "claude-sonnet-4-6"),
        ("anthropic", "a-model-of-tomorrow"),
        ("bedrock", "us.anthropic.claude-sonnet-4-6"),
        ("vertex_ai", "claude-sonnet-4-6"),
        ("openrouter", "anthropic/claude-sonnet-4-6"),
    ]:
        assert profile_of(provider, model).claude, provider
    assert not profile_of("bedrock", "us.amazon.nova-2-lite-v1:0").claude


def test_a_profile_is_merged_once_for_all_deployments_like_it() -> None:
    one, other = (deployment(name, provider="bedrock", model="us.amazon.nova-2-lite-v1:0") for name in "ab")
    assert one.profile is other.profile


def test_nothing_is_assumed_of_another_server_that_speaks_openais_api() -> None:
    foreign = profile_of("openai", "gpt-5.4", compatible=True, own_address=False)
    assert foreign.dialect is Profile().dialect
    assert foreign.finish_reasons is Profile().finish_reasons


def test_a_second_name_of_a_provider_leads_to_the_first() -> None:
    assert canonical_name("bedrock_converse") == "bedrock"
    assert canonical_name("openai") == "openai"


def test_a_family_is_found_in_order() -> None:
    assert not profile_of("openai", "o3").dialect.parallel_switch
    assert profile_of("openai", "gpt-4o").dialect.parallel_switch


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_only_who_signs_otherwise_says_how(name: str) -> None:
    profile = PROFILES[name]
    assert bool(profile.sign_in_help) == (profile.sign_in in {SignIn.AWS, SignIn.GOOGLE})
