"""`fallback-router` in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from litellm_fallback_router import cli

Run = Callable[..., tuple[int, str, str]]
"""Arguments (and `stdin`) -> exit code, stdout and stderr."""


def command_runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fallback-router", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return call
