"""Processes of the demo, the benchmark and these tests end with whoever started them."""

from __future__ import annotations

import subprocess
import sys

from local.processes import terminate

SECONDS = 20.0
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def test_a_process_that_ends_when_asked_is_not_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert terminate(process, SECONDS)
    assert process.returncode == -15


def test_a_process_that_does_not_listen_is_killed_and_told() -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deaf\n"
        assert not terminate(process, 0.5)
    assert process.returncode == -9
