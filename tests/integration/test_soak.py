"""Deadlines hold under load: see `tests/support/soak.py` for how that is told from a busy machine."""

from __future__ import annotations

import subprocess
import sys

from tests.support.documents import REPOSITORY


def test_no_answer_comes_late_by_our_own_doing() -> None:
    options = ["--callers", "75", "--seconds", "8", "--limit", "1.5", "--most", "0.5"]
    command = [sys.executable, "-m", "tests.support.soak", *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    asked = int(done.stdout.split()[0])
    assert asked >= 75, "each caller had an answer, or an error, at least"
