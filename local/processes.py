"""Processes that end with whoever started them."""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import IO, Any


def first_line(pipe: IO[bytes], seconds: float) -> bytes:
    """What a process writes until its first line ends, its pipe is closed, or `seconds` are over."""
    said, until = b"", time.monotonic() + seconds
    while b"\n" not in said and (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            data = os.read(pipe.fileno(), 4096)
            if not data:
                break
            said += data
    return said


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
