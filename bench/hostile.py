"""What one caller's request does to everybody else: the longest answer of /health beside bodies made to keep a gateway
busy, and beside the largest that it takes. How long that is on any machine is told in ordinary requests: in what one
costs bare `litellm.acompletion` there.

    python -m bench --only-hostile [--quick]

Providers are simulated, each body goes to OpenAI's, Anthropic's and Bedrock's API. On a machine with other work
an answer takes longer because nobody lets the gateway run: Linux counts that, and it is taken off.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.table import Column, Table

from local.simulator import simulator_process

from . import bodies, peers, wire
from .client import BenchError
from .processes import Cores, Running, environment, first_line, free_port, running
from .systems import floor

ANSWER_SECONDS = 120.0
AFTERWARDS_SECONDS = 0.1
"""For what a request leaves to do once it is answered."""
ORDINARY = 200
"""Requests by which it is measured what one costs."""
WARM = 20
"""Requests before them."""
MODELS = {"openai": "gpt-5.4", "anthropic": "claude-sonnet-4-6", "bedrock": "us.anthropic.claude-sonnet-4-6"}
MS = 1e3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one body, and when: seconds of the monotonic clock."""

    name: str
    model: str
    megabytes: float
    status: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Beside:
    """One body, and how long /health took while it was answered, in seconds."""

    answer: Answer
    longest: float
    """Answer of /health, as it came."""
    gap: float
    """The longest, less what it was kept waiting by other programs."""


@dataclass(frozen=True, slots=True)
class Round:
    """Every body once."""

    ordinary: float
    """Seconds of processor time that an ordinary request costs bare acompletion."""
    beside: list[Beside]

    @property
    def longest(self) -> float:
        """The longest answer of /health, in ordinary requests."""
        return max(one.gap for one in self.beside) / self.ordinary


def measure(cores: Cores, folder: Path, upstream: int, *, rounds: int, say: Callable[[str], None]) -> list[Round]:
    """Every body, as many times as there are rounds. `upstream`: the port of what answers bare acompletion.

    Raises BenchError.
    """
    with (
        simulator_process() as simulator,
        _gateway(simulator.url, cores, folder) as gateway,
        floor(upstream).running(cores.system, folder) as bare,
    ):
        return [Round(_ordinary(bare, say), _round(gateway, cores, say)) for _ in range(rounds)]


def table(measured: Sequence[Round]) -> Table:
    """The worst round of each body."""
    names = ("MB", "answered in, s", "/health at most, ms", "of it ours", "in ordinary requests")
    found = Table("beside", "model", "status", *(Column(name, justify="right") for name in names))
    ordinary = median(one.ordinary for one in measured)
    for each in zip(*(one.beside for one in measured), strict=True):
        worst = max(each, key=lambda one: one.gap)
        one = worst.answer
        times = (f"{one.ended - one.began:.2f}", f"{worst.longest * MS:.0f}", f"{worst.gap * MS:.0f}")
        found.add_row(
            one.name, one.model, str(one.status), f"{one.megabytes:.1f}", *times, f"{worst.gap / ordinary:.1f}"
        )
    found.caption = f"an ordinary request costs bare acompletion {ordinary * MS:.1f} ms of processor time"
    return found


def _ordinary(bare: Running, say: Callable[[str], None]) -> float:
    say("ordinary requests to bare acompletion")
    question = wire.question(wire.MODEL, stream=False)
    for _ in range(WARM):
        _answered(bare, question)
    before = bare.cpu_seconds
    for _ in range(ORDINARY):
        _answered(bare, question)
    return (bare.cpu_seconds - before) / ORDINARY


def _answered(bare: Running, question: bytes) -> None:
    if (status := _post(bare.port, question)) != 200:
        raise BenchError(f"bare acompletion answered an ordinary request with {status}")


@contextmanager
def _gateway(simulator_url: str, cores: Cores, folder: Path) -> Iterator[Running]:
    models = [
        {
            "model_name": provider,
            "litellm_provider": provider,
            "params": {"model": model, **({"region": "us-east-1"} if provider == "bedrock" else {})},
        }
        for provider, model in MODELS.items()
    ]
    config, port = folder / "hostile.json", free_port()
    config.write_text(json.dumps({"model_list": models}))
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(port)]
    command += ["--config", str(config)]
    extra, log = {"ROUTER_SIMULATOR_URL": simulator_url}, folder / "hostile.log"
    with running(command, port=port, ready_path="/health", extra=extra, cores=cores.system, log=log) as gateway:
        yield gateway


def _round(gateway: Running, cores: Cores, say: Callable[[str], None]) -> list[Beside]:
    asked = [(name, "openai", body) for name, body in bodies.refused().items()]
    for name, body in bodies.taken().items():
        asked += [(name, model, bodies.for_model(body, model)) for model in MODELS]
    with _prober(gateway, cores) as probed:
        answers = []
        for name, model, raw in asked:
            say(f"{name} to {model}")
            began = time.monotonic()
            status = _post(gateway.port, raw)
            answers.append(Answer(name, model, len(raw) / 1e6, status, began, time.monotonic()))
            time.sleep(AFTERWARDS_SECONDS)
        questions = probed()
    return [_beside(answer, questions) for answer in answers]


def _beside(answer: Answer, questions: list[list[float]]) -> Beside:
    until = answer.ended + AFTERWARDS_SECONDS
    during = [(took, took - kept) for at, took, kept in questions if at < until and at + took > answer.began]
    if not during:
        raise BenchError(f"nobody asked for /health while the gateway answered {answer.name}")
    return Beside(answer, max(took for took, _ in during), max(own for _, own in during))


@contextmanager
def _prober(gateway: Running, cores: Cores) -> Iterator[Callable[[], list[list[float]]]]:
    """Gives a function that ends it and says what it saw."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.prober", str(gateway.port), str(gateway.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=peers.ROOT,
        env=environment({}),
    )
    try:
        os.sched_setaffinity(process.pid, cores.system)
        if first_line(process) != "asking\n":
            raise BenchError("the prober did not start")

        def ended() -> list[list[float]]:
            said, _ = process.communicate(timeout=ANSWER_SECONDS)
            questions: list[list[float]] = json.loads(said)
            return questions

        yield ended
    finally:
        process.kill()
        process.wait()


def _post(port: int, raw: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/v1/chat/completions", raw, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
