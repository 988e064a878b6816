"""Installs clients from the registries, each exactly as it is locked, into a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256

from tests.clients.places import CACHE, TOOLS, Client

SECONDS = 300.0
_STAMP = "locked"


class NotInstalledError(Exception):
    """A client cannot be had; the message says why."""


def install(client: Client) -> None:
    """Bring what is installed in line with the lock; nothing where it is.

    Raises:
        NotInstalledError: The registry, or the package, said no.
    """
    digest = sha256(client.lock.read_bytes()).hexdigest()
    stamp = client.installed / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    shutil.rmtree(client.installed, ignore_errors=True)
    client.installed.mkdir(parents=True)
    (_npm if client.of_npm else _python)(client)
    stamp.write_text(digest, encoding="utf-8")


def _npm(client: Client) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(client.folder / name, client.installed)
    # No script of a package runs: what needs one to be whole would not be what was locked.
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    _run([str(TOOLS / "npm"), "ci", *options], client)


def _python(client: Client) -> None:
    uv = str(TOOLS / "uv")
    environment = str(client.installed / "env")
    _run([uv, "venv", "--quiet", "--python", sys.executable, environment], client)
    python = f"{environment}/bin/python"
    _run([uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(client.lock)], client)


def _run(command: list[str], client: Client) -> None:
    environment = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    log = CACHE / f"{client.name}.install.log"
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                command,
                cwd=client.installed,
                env=environment,
                stdout=output,
                stderr=output,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotInstalledError(f"not installed within {SECONDS:g} s") from None
    if done.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise NotInstalledError(f"it could not be installed: {' '.join(last)[:160]}")
