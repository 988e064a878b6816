"""The examples of docs/keys.md do what the page says, and its tables name every option and limit."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from litellm_fallback_router.routing.key_fields import FIELDS
from local.simulator import SimulatorControl
from tests.support.documents import REPOSITORY, examples

PAGE = REPOSITORY / "docs" / "keys.md"
EXAMPLES = examples(PAGE)


def run(arguments: list[str], folder: Path, **variables: str) -> str:
    environment = {**os.environ, "NO_COLOR": "1", **variables}
    done = subprocess.run(
        arguments, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def masked(text: str) -> str:
    return re.sub(r"[0-9a-f]{12}", "ID", re.sub(r"\d{4}-\d\d-\d\d", "DATE", text))


def test_the_commands_end_in_what_the_page_shows(tmp_path: Path) -> None:
    said = ""
    for line in EXAMPLES["keys"].text.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "fallback-router"
        said = run([sys.executable, "-m", "litellm_fallback_router.cli", *arguments], tmp_path)

    assert masked(said) == masked(EXAMPLES["keys"].output or "")


def test_the_library_takes_a_key_as_the_page_shows(simulator: SimulatorControl, tmp_path: Path) -> None:
    simulator.reset()
    out = run([sys.executable, "-c", EXAMPLES["key"].text], tmp_path, ROUTER_SIMULATOR_URL=simulator.url)

    assert out == EXAMPLES["key"].output


def test_every_limit_has_its_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [field for field in FIELDS if f"`--{field.replace('_', '-')}`" not in text]

    assert missing == []
