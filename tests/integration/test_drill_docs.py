"""The examples of docs/before-the-night.md run, and end as the page says."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import REPOSITORY, examples

PAGE = REPOSITORY / "docs" / "before-the-night.md"
EXAMPLES = examples(PAGE)
COMMANDS = [(name, line) for name in EXAMPLES for line in EXAMPLES[name].text.splitlines()]


@pytest.mark.parametrize(("name", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_each_command_of_the_page_ends_well(name: str, line: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(line)
    assert program == "fallback-router"
    environment = {**os.environ, "NO_COLOR": "1", "ROUTER_DRILLS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "litellm_fallback_router.cli", *arguments],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
