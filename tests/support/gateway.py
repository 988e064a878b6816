"""The real gateway as a process of its own, and the official client for it."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI

from local.processes import terminate

START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0


@dataclass(frozen=True)
class Gateway:
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    """What it wrote to stderr."""
    out: Path
    """What it wrote to stdout, which is where Lambda takes metrics from."""

    def client(self, **options: Any) -> OpenAI:
        """An official client that does not retry: each call is one request to the gateway."""
        return OpenAI(base_url=f"{self.url}/v1", api_key="none", **{"max_retries": 0, "timeout": 60.0, **options})

    def async_client(self, **options: Any) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key="none", **{"max_retries": 0, "timeout": 60.0, **options})


def free_port() -> int:
    """A port for a server that starts later: below those that the system gives to connections, one of which could take
    it meanwhile (Linux: `net.ipv4.ip_local_port_range`, from 32768)."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


@contextmanager
def gateway_process(
    folder: Path, mapping: Mapping[str, Any], *, simulator_url: str | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """Run `fallback-router serve` with `mapping` while the context lasts."""
    config = folder / "mapping.json"
    config.write_text(json.dumps(mapping))
    with gateway_of(config, simulator_url=simulator_url, env=env) as running:
        yield running


@contextmanager
def gateway_of(
    config: Path, *, simulator_url: str | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """The same with a mapping file; the logs stand beside it."""
    log, out, port = config.with_name("gateway.log"), config.with_name("gateway.out"), free_port()
    environment = {**os.environ, **(env or {}), "ROUTER_CONFIG": str(config)}
    if simulator_url is not None:
        environment["ROUTER_SIMULATOR_URL"] = simulator_url
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(port)]
    with log.open("wb") as stderr, out.open("wb") as stdout:
        process = subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, log)
            yield Gateway(url, process, log, out)
        finally:
            if not terminate(process, STOP_TIMEOUT):
                raise AssertionError("the gateway did not stop when asked to")


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the gateway did not start:\n{log.read_text()[-4000:]}")
