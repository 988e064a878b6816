"""The command line without a provider: help, chains, and errors a user can mend."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from litellm_fallback_router import cli
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")
REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
OURS = (
    "ROUTER_CONFIG",
    "ROUTER_SIMULATOR_URL",
    "ROUTER_LOG_LEVEL",
    "GATEWAY_API_KEYS",
    "ROUTER_DRILLS",
    "XDG_STATE_HOME",
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*KEYS, *REGION, *OURS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERMINAL_WIDTH", "120")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `fallback-router ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["fallback-router", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def config_file(folder: Path, mapping: dict[str, Any]) -> str:
    file = folder / "mapping.yaml"
    file.write_text(yaml.safe_dump(mapping))
    return str(file)


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    script = (
        "import sys, litellm_fallback_router.cli; "
        "print(sorted({'litellm', 'fastapi', 'uvicorn', 'pydantic', 'openai', 'boto3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command_and_the_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0
    help_text = capsys.readouterr().out
    for word in ("serve", "ask", "chains", "doctor", "OPENAI_API_KEY", "--simulate"):
        assert word in help_text


@pytest.mark.parametrize("command", ["serve", "ask", "chains", "doctor"])
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert "--config" in capsys.readouterr().out


def test_version_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("fallback-router ")


def test_chains_show_every_model_and_strategy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chains") == 0
    table = capsys.readouterr().out
    for name in (*(entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"]), "cost-optimized"):
        assert name in table
    assert "bedrock-claude-haiku -> openai-gpt4o-mini -> anthropic-claude-sonnet" in table


def test_chains_as_json_can_be_read_by_a_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chains", "--json") == 0
    chains = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert chains["multi-region-bedrock"] == {
        "name": "multi-region-bedrock",
        "kind": "strategy",
        "chain": ["bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-llama"],
        "aliases": [],
        "hedge": None,
        "processed_in": {
            name: ["us-east-1", "us-east-2", "us-west-2"]
            for name in ("bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-llama")
        },
        "proven_hours_ago": dict.fromkeys(("bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-llama")),
    }
    assert chains["openai-gpt4o"]["processed_in"]["anthropic-claude-sonnet"] == "anywhere"
    assert chains["openai-gpt4o"]["kind"] == "model"


def test_chains_show_when_their_slow_answers_are_raced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hedges = {"openai-gpt4o": {"at_most": 0.1}, "cost-optimized": None, "bedrock-llama": {}}
    mapping = {**ROUTER_STYLE_MAPPING, "hedge": hedges, "settings": {"hedge": {}}}
    file = config_file(tmp_path, mapping)
    assert run(monkeypatch, "chains", "--config", file, "--json") == 0
    told = capsys.readouterr()
    chains = {one["name"]: one["hedge"] for one in json.loads(told.out)}
    assert chains["openai-gpt4o"] == {"after": "p95", "at_most": 0.1}
    assert chains["cost-optimized"] is None
    assert chains["bedrock-nova"] == {"after": "p95", "at_most": 0.05}, "that of the settings"
    said = " ".join(told.err.split())
    assert "hedge.bedrock-llama: its chain has one deployment, so nothing can be raced" in said
    assert run(monkeypatch, "chains", "--config", file) == 0
    table = capsys.readouterr().out
    assert all(words in table for words in ("raced", "after p95, at most 10 %", "after p95, at most 5 %", "never"))


@pytest.mark.parametrize(("arguments", "region"), [(("--geography", "eu"), None), ((), "eu-west-1")])
def test_chains_warn_of_prompts_that_leave_the_geography_that_is_named_or_the_regions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], region: str | None
) -> None:
    if region:
        monkeypatch.setenv("AWS_REGION", region)
    assert run(monkeypatch, "chains", *arguments) == 0
    printed = capsys.readouterr()
    assert (
        "warning: bedrock-nova: prompts may be processed in us-east-1, us-east-2, us-west-2, outside of eu"
        in printed.err
    )
    assert "Where prompts go" in printed.out


def test_chains_without_a_region_show_where_prompts_go_and_warn_of_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chains") == 0
    printed = capsys.readouterr()
    assert "OpenAI's endpoint api.openai.com" in printed.out
    assert printed.err == ""


def test_chains_know_no_other_geography(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "chains", "--geography", "europe") == 2
    assert "--geography: must be apac, au, ca, eu, in, jp, us or an AWS Region" in capsys.readouterr().err


def test_the_plan_tells_who_is_asked_and_why_others_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    assert run(monkeypatch, "chains", "--explain", "openai-gpt4o", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [(one["order"], one["deployment"]) for one in plan["candidates"]] == [(1, "anthropic-claude-sonnet")]
    assert plan["candidates"][0]["usd_per_million_input_tokens"] == 3
    dropped = {one["deployment"]: one for one in plan["dropped"]}
    assert dropped["openai-gpt4o"]["code"] == "no_key"
    assert dropped["openai-gpt4o"]["reason"] == "no key: set OPENAI_API_KEY"
    assert dropped["bedrock-claude-sonnet-west"]["region"] == "us-west-2"


def test_the_plan_as_a_table_has_prices_windows_and_reasons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    assert run(monkeypatch, "chains", "--explain", "openai-gpt4o") == 0
    table = capsys.readouterr().out
    for word in ("anthropic:claude-sonnet-4-6", "1,000,000", "us-west-2", "tools", "15"):
        assert word in table
    assert "openai-gpt4o: not asked, no key: set OPENAI_API_KEY" in table


def test_square_brackets_in_a_name_are_printed_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mapping = {"model_list": [{"model_name": "[red]mine[/]", "params": {"model": "openai/gpt-4o"}}]}
    assert run(monkeypatch, "chains", "--config", config_file(tmp_path, mapping)) == 0
    assert "[red]mine[/]" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("chains", "--explain", "gpt9"), ("ask", "hi", "--model", "gpt9")])
def test_an_unknown_model_lists_the_known_ones(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert "unknown model 'gpt9'" in error
    assert "multi-region-bedrock" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("command", [("serve",), ("ask", "hi"), ("chains",), ("doctor",)])
def test_a_wrong_mapping_stops_every_command_with_every_mistake(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = {
        "model_list": [{"model_name": "a", "params": {"model": "openai/gpt-4o", "rpm": -3}}],
        "fallbacks": {"a": ["b"]},
        "typo": 1,
    }
    assert run(monkeypatch, *command, "--config", config_file(tmp_path, wrong)) == 2
    error = capsys.readouterr().err
    assert "3 mistakes" in error
    for path in ("model_list[0].params.rpm", "fallbacks.a[0]", "typo"):
        assert path in error
    assert "Traceback" not in error


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ROUTER_LOG_LEVEL", "loud")
    assert run(monkeypatch, "chains") == 2
    assert "ROUTER_LOG_LEVEL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("chains", "--config", "no-such-file.yaml"), "--config"),
        (("ask", "  "), "the question is empty"),
        (("ask", "hi", "--temperature", "3"), "--temperature"),
        (("ask", "hi", "--max-tokens", "0"), "--max-tokens"),
        (("serve", "--port", "70000"), "--port"),
        (("bogus",), "bogus"),
    ],
)
def test_wrong_usage_names_what_is_wrong(
    arguments: tuple[str, ...], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert word in capsys.readouterr().err


def test_without_any_key_ask_says_which_to_set_and_how_to_try_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ask", "hi") == 1
    error = capsys.readouterr().err
    assert "set OPENAI_API_KEY" in error
    assert "--simulate" in error


def test_what_the_mapping_does_not_use_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    litellm_config = {
        "model_list": [{"model_name": "a", "litellm_params": {"model": "openai/gpt-4o"}}],
        "litellm_settings": {"success_callback": ["langfuse"]},
    }
    assert run(monkeypatch, "chains", "--config", config_file(tmp_path, litellm_config)) == 0
    assert "warning: litellm_settings.success_callback" in capsys.readouterr().err
