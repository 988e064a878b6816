"""The fleet that runs in containers: `fallback-router serve` on loopback, which can be killed and begins anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from local.processes import wait_or_kill
from tests.support.gateway import free_port

START_SECONDS = 180.0
"""On a machine that does much else: it takes some seconds."""
STOP_SECONDS = 20.0


class Container:
    """One process at a time, always at the same address and with the same file."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.file = folder / "container.json"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/"
        self.log = folder / "container.log"
        self._env = {**os.environ, **env, "ROUTER_CONFIG": str(self.file)}
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, mapping: Mapping[str, Any]) -> None:
        """In the place of the file, as a whole."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(mapping))
        new.replace(self.file)

    def start(self) -> None:
        command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(self._port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while self.revision() is None:
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, f"it did not start within {START_SECONDS:g} s"
            time.sleep(0.1)

    def revision(self) -> str | None:
        """Of the mapping in force; None: nobody is there."""
        try:
            told: dict[str, str] = httpx.get(f"{self.url}health", timeout=5).json()
        except httpx.HTTPError:
            return None
        return told["mapping"]

    def kill(self) -> None:
        """With SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            wait_or_kill(self._process, STOP_SECONDS)


@contextmanager
def container(folder: Path, mapping: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Container]:
    """A running one with that mapping, while the context lasts."""
    one = Container(folder, env)
    one.write(mapping)
    try:
        one.start()
        yield one
    finally:
        one.stop()
