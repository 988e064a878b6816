"""Runs the real gateway as a process of its own, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from local.processes import first_line, terminate

READY = b"gateway ready on "
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


@contextmanager
def gateway_process(options: Sequence[str] = (), *, simulator_url: str | None = None) -> Iterator[str]:
    """Run `fallback-router serve` on a free port while the context lasts; gives its URL.

    With `simulator_url` it asks that simulator, on the shipped mapping. Raises RuntimeError with the gateway's own
    words where it does not start.
    """
    # Whoever runs a demo may have keys for a gateway of theirs in the environment; this one asks for none.
    environment = {name: value for name, value in os.environ.items() if name != "GATEWAY_API_KEYS"}
    if simulator_url is not None:
        environment.pop("ROUTER_CONFIG", None)
        environment["ROUTER_SIMULATOR_URL"] = simulator_url
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", "0", *options]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)  # noqa: S603 - ours
        try:
            yield _ready_url(process, log)
        finally:
            terminate(process, _STOP_SECONDS)
            if process.stdout:
                process.stdout.close()


def _ready_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    if process.stdout is None:
        raise RuntimeError("the gateway was started without a pipe to read from")
    line = first_line(process.stdout, _START_SECONDS).partition(b"\n")[0]
    if not line.startswith(READY):
        log.seek(0)
        words = log.read()[-2000:].decode(errors="replace").strip()
        raise RuntimeError(f"the gateway did not start. It said:\n{words or 'nothing'}")
    return line.removeprefix(READY).decode()
