"""Which machine and which versions the numbers come from."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("litellm", "openai", "httpx", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic")


def describe() -> dict[str, str]:
    node = shutil.which("node")
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        # With who built it: how it was compiled moves everything in Python.
        "python": sys.version,
        "node": _said([node, "--version"]) if node else "none",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def load() -> str:
    """How busy the machine is, over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Hardware")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30).stdout.strip()  # noqa: S603 - our own
