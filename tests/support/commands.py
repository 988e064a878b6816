"""`fallback-router` in this process."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable

import pytest
import typer.main

from litellm_fallback_router import cli
from local.simulator import Fault

QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
DOWN = Fault(kind="status", status=503)
_commands_of = functools.cache(typer.main.get_command)
Run = Callable[..., tuple[int, str, str]]
"""Arguments (and `stdin`) -> exit code, stdout and stderr."""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `fallback-router ARGUMENTS`, run in this process: LiteLLM is imported once for all tests."""
    monkeypatch.setattr(sys, "argv", ["fallback-router", *arguments])
    monkeypatch.setattr(typer.main, "get_command", _commands_of)  # built once for all tests, as for one command
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def command_runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(monkeypatch, *arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
