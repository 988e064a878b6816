"""Runs the proofs of clients against a real gateway that asks the simulated providers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.simulator import simulator_process
from tests.clients.isolation import CLOSED
from tests.clients.places import CACHE, HERE, PROVING, TOOLS, Client
from tests.support.gateway import gateway_of

SECONDS = 300.0
"""How long one client may take for all that it has to show."""


@dataclass(frozen=True)
class Shown:
    """One cell of the table."""

    client: str
    face: str
    """Which of the client's sides; empty where it has one."""
    capability: str
    problem: str | None = None
    """How it failed; None: it is there."""
    note: str | None = None


@dataclass(frozen=True)
class World:
    """Where a client finds what it asks."""

    gateway: str
    simulator: str


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, simulator_process() as simulator:
        mapping = Path(shutil.copy(HERE / "mapping.json", folder))
        with gateway_of(mapping, simulator_url=simulator.url) as gateway:
            yield World(gateway.url, simulator.url)


def prove(client: Client, where: World) -> list[Shown]:
    """What the client showed, in the order in which it did; its last words where it broke off."""
    results = CACHE / f"{client.name}.results"
    results.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="client-") as home, (CACHE / f"{client.name}.log").open("wb") as log:
        environment = _environment(client, where, home, results)
        try:
            done = subprocess.run(
                _command(client), cwd=home, env=environment, stdout=log, stderr=log, timeout=SECONDS, check=False
            )
            ended = f"the proof ended with {done.returncode}: {_last_words(log.name)}" if done.returncode else None
        except subprocess.TimeoutExpired:
            ended = f"the proof did not end within {SECONDS:g} s"
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    shown = [Shown(client=client.name, **json.loads(line)) for line in lines]
    return [*shown, Shown(client.name, "", "run", ended)] if ended else shown


def _command(client: Client) -> list[str]:
    if client.proof.suffix == ".mjs":
        # Packages are looked for beside the script.
        for script in (client.proof, PROVING / "prover.mjs"):
            shutil.copy(script, client.installed)
        return [str(TOOLS / "node"), str(client.installed / client.proof.name)]
    python = sys.executable if client.of_npm else str(client.installed / "env" / "bin" / "python")
    return [python, str(client.proof)]


def _environment(client: Client, where: World, home: str, results: Path) -> dict[str, str]:
    """Nothing of whoever runs this: no keys, no settings, no proxy but one that is not there."""
    return {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": str(PROVING),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HTTP_PROXY": CLOSED,
        "HTTPS_PROXY": CLOSED,
        "NO_PROXY": "127.0.0.1",
        "PROOF_GATEWAY": where.gateway,
        "PROOF_SIMULATOR": where.simulator,
        "PROOF_RESULTS": str(results),
        "PROOF_INSTALLED": str(client.installed),
    }


def _last_words(log: str) -> str:
    said = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return said[-1][:160] if said else "it said nothing"
