"""A system as a process of its own: when it is ready, what it takes of processor and memory."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .client import BenchError

READY_SECONDS = 180.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.005
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where. On a machine with one core, everything runs on it."""

    system: frozenset[int]
    """The system under test."""
    load: frozenset[int]
    """Client and upstream."""

    @classmethod
    def of_this_machine(cls) -> Cores:
        first, *others = sorted(os.sched_getaffinity(0))
        return cls(frozenset({others[0] if others else first}), frozenset({first}))


@dataclass(frozen=True, slots=True)
class Running:
    """A started process that has said it is ready."""

    pid: int
    port: int
    ready_seconds: float
    """From its start until it answered its health check."""

    @property
    def memory_mb(self) -> float:
        """Resident memory, children included."""
        return sum(_resident_mb(pid) for pid in _family(self.pid))

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far, children included."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would slow Python down or change whom a gateway asks."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "GATEWAY_API_KEYS", "ROUTER_CONFIG"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | dict(extra)


@contextmanager
def running(
    command: Sequence[str], *, port: int, ready_path: str, extra: Mapping[str, str], cores: frozenset[int], log: Path
) -> Iterator[Running]:
    """The process while the context lasts; `extra` goes into its environment.

    Raises BenchError with its last words where it does not get ready.
    """
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            ["taskset", "-c", ",".join(map(str, sorted(cores))), *command],  # noqa: S607 - util-linux, wherever it is
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(extra),
            # A group of its own: Node from a wheel is a child of a script, and has to end with it.
            start_new_session=True,
        )
    try:
        while not _answers(port, ready_path):
            if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                raise BenchError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-1500:]}")
            time.sleep(_POLL_SECONDS)
        yield Running(process.pid, port, time.perf_counter() - began)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def first_line(process: subprocess.Popen[str]) -> str:
    """What the process writes first; empty where it ends before. Raises BenchError where nothing of it can be read."""
    if process.stdout is None:
        raise BenchError(f"{process.args!r} was started without a pipe to read from")
    return process.stdout.readline()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _family(pid: int) -> list[int]:
    children = [child for thread in Path(f"/proc/{pid}/task").iterdir() for child in _words(thread / "children")]
    return [pid, *(one for child in children for one in _family(int(child)))]


def _words(file: Path) -> list[str]:
    """None where the thread has ended meanwhile."""
    try:
        return file.read_text().split()
    except FileNotFoundError:
        return []


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
