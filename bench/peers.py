"""Installs what the gateway is compared with, once, each into a place of its own below build/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import uv

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"
PROXY_LOCK = HERE / "requirements-litellm-proxy.txt"
PORTKEY = HERE / "portkey"
PORTKEY_LOCK = PORTKEY / "package-lock.json"
INSTALL_SECONDS = 600.0


class PeerMissingError(Exception):
    """A peer could not be installed. The text says why."""


def litellm_proxy() -> Path:
    """The command `litellm` of an environment of its own. Raises PeerMissingError."""
    home = BUILD / "litellm-proxy"
    if not _is_current(home, PROXY_LOCK):
        python = str(home / "bin" / "python")
        _run([uv.find_uv_bin(), "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
        install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", python, "--require-hashes"]
        _run([*install, "--compile-bytecode", "-r", str(PROXY_LOCK)])
        shutil.copy(PROXY_LOCK, home / "locked")
    return home / "bin" / "litellm"


def portkey() -> Path:
    """The script of Portkey's gateway. Raises PeerMissingError."""
    home = BUILD / "portkey"
    if not _is_current(home, PORTKEY_LOCK):
        home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PORTKEY / name, home / name)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home)])
        shutil.copy(PORTKEY_LOCK, home / "locked")
    return home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def _is_current(home: Path, lock: Path) -> bool:
    installed = home / "locked"
    return installed.exists() and installed.read_bytes() == lock.read_bytes()


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissingError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise PeerMissingError(f"{Path(command[0]).name}: {words[-1][:200] if words else 'failed'}")
