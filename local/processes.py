"""Processes that end with whoever started them."""

from __future__ import annotations

import subprocess
from typing import Any


def terminate(process: subprocess.Popen[Any], seconds: float) -> bool:
    """Ask the process to end, and wait for it. Returns as `wait_or_kill`."""
    process.terminate()
    return wait_or_kill(process, seconds)


def wait_or_kill(process: subprocess.Popen[Any], seconds: float) -> bool:
    """Wait for a process that was asked to end; kill it after `seconds`. Returns False where it had to be killed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)
        return False
    return True
