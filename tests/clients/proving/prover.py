"""What a client's proof in Python is written with: each capability is shown against a gateway, and told.

Standard library only: it runs in each client's own environment.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

GATEWAY = os.environ["PROOF_GATEWAY"]
"""Where the gateway is."""
SIMULATOR = os.environ["PROOF_SIMULATOR"]
"""Where the simulated providers are that it asks."""
HOME = Path(os.environ["HOME"])
"""An empty folder."""
INSTALLED = Path(os.environ["PROOF_INSTALLED"])
"""The folder into which the client was installed."""
KEY = "sim-anthropic-key"
SECONDS = 90
"""How long one capability may take to be shown."""
PROGRAM_SECONDS = 50
"""How long a program may take for one prompt."""

COUNT = "Count to 40"
COUNTED = ", ".join(str(number) for number in range(1, 41)) + "."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGNwaDiAFTEMLQkAYvNgAXSglMMAAAAASUVORK5CYII="

Proof = Callable[[], Any]


def proves(capability: str, face: str = "") -> Callable[[Proof], Proof]:
    """Run the decorated function at once and tell whether it went through. `face`: which of a client's sides it is."""

    def run(proof: Proof) -> Proof:
        simulator("POST", "reset")
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(SECONDS)
        problem = None
        try:
            result = proof()
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:  # noqa: BLE001 - that it fails, and how, is what is to be told
            problem = f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        tell(capability, face, problem)
        return proof

    return run


def tell(capability: str, face: str = "", problem: str | None = None, note: str | None = None) -> None:
    """One line for the table."""
    line = {"capability": capability, "face": face, "problem": problem, "note": note}
    with Path(os.environ["PROOF_RESULTS"]).open("a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")


def fault(kind: str, provider: str | None = None, *, times: int | None = None, **fields: Any) -> None:
    """From now on a provider misbehaves so; None: all of them."""
    simulator("POST", "faults", {"fault": {"kind": kind, **fields}, "provider": provider, "times": times})


def asked() -> list[str]:
    """The models that were asked for an answer since this proof began, in order."""
    return [record["model"] for record in simulator("GET", "requests")]


def resumed(*models: str) -> None:
    """One request was answered by these models in turn."""
    if asked() != list(models):
        told = [(one["model"], one["fault"], one["chunks"]) for one in simulator("GET", "requests")]
        raise AssertionError(f"the stream was not resumed; asked were {told}")


def asked_once() -> None:
    """Nobody was asked twice: the client did not repeat what the chain had tried already."""
    models = asked()
    if len(models) != len(set(models)):
        raise AssertionError(f"the chain of {len(set(models))} was asked {len(models)} times in all")


def simulator(method: str, page: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the simulator's own address
        f"{SIMULATOR}/_sim/{page}", data, {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        return json.load(response)


def same(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"expected {str(expected)[:60]!r}, got {str(found)[:120]!r}")


def raises_once(error: type[Exception], call: Callable[[], Any]) -> None:
    """The call ends in the client's own error, after the chain was asked once."""
    fault("model_not_found")
    try:
        call()
    except error:
        asked_once()
    else:
        raise AssertionError(f"no {error.__name__} was raised")


def run_program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """A client that is a program, run once in a folder. It can ask nothing back."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS,
        check=False,
    )


def edited_once(folder: Path, edit: Callable[[Path], object]) -> None:
    """The note in a new folder, which `edit` gets, says goodbye for the first hello alone."""
    folder.mkdir()
    note = folder / "note.txt"
    note.write_text("hello, hello\n")
    edit(note)
    same(note.read_text(), "goodbye, hello\n")


def fails_once(call: Callable[[], Any]) -> None:
    """The program ends in failure, which is told as an AssertionError, after the chain was asked once."""
    raises_once(AssertionError, call)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"not shown within {SECONDS} s")
