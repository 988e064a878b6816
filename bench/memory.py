"""How slow the gateway is at the share of a processor that Lambda gives it at 512, 1024 and 1769 MB.

    python -m bench.memory > table.md

Starts the built package's `run.sh` in a control group whose CPU quota is that share (needs Linux and root), in front
of the simulator. Source of the shares: Lambda developer guide, "Configure Lambda function memory": CPU in proportion to
memory, one vCPU at 1,769 MB. The quota is emulated; the processor is this machine's.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from infra.lambda_package import build_package
from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT
from local.processes import terminate
from local.simulator import SimulatorControl, simulator_process
from tests.support.gateway import free_port
from tests.support.packaged import ARCH, clean_python, environment, make_writable, unpack

MEMORY = (512, 1024, 1769)
"""MB."""
ONE_CPU = 1769
"""MB at which a function has one vCPU."""
PERIOD = 20_000
"""Microseconds in which a quota is given out. Lambda's own is not documented; a longer one would be kinder."""
CGROUP = Path("/sys/fs/cgroup")
ROUNDS = 3
ANSWERS = 100
STREAMS = 10
MODEL_SECONDS = 0.05
"""Before the model's answer. It parts the work before from the work after, as a real model does."""
CHUNK_DELAY = 0.02
USD_PER_GB_SECOND = 0.0000133334
"""Lambda on arm64, us-east-1; see the costs in docs/aws.md for its source."""
ANSWER_SECONDS = (2, 10)

QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
COUNT = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "Count to 40"}], "stream": True}


@dataclass
class Measured:
    """Seconds, over all rounds of one memory size."""

    starts: list[float] = field(default_factory=list)
    """From starting the process to its first answer to a health check."""
    primings: list[float] = field(default_factory=list)
    restores: list[float] = field(default_factory=list)
    """Our own hook alone; not what Lambda does to thaw the snapshot."""
    firsts: list[float] = field(default_factory=list)
    """First answer after the restore hook."""
    answers: list[float] = field(default_factory=list)
    first_chunks: list[float] = field(default_factory=list)
    streams: list[float] = field(default_factory=list)
    """From the question to the end."""
    cpu: list[float] = field(default_factory=list)
    """Of the process, for one whole answer."""
    peak_mb: float = 0.0


@contextmanager
def quota(memory: int) -> Iterator[Path]:
    """A control group with the memory's share of a processor; gives the file to which a process id is written."""
    share = round(PERIOD * memory / ONE_CPU)
    v2 = (CGROUP / "cgroup.controllers").exists()
    group = (CGROUP if v2 else CGROUP / "cpu") / f"fallback-router-bench-{os.getpid()}-{memory}"
    group.mkdir()
    try:
        if v2:
            (group / "cpu.max").write_text(f"{share} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(share))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


@contextmanager
def gateway(task: Path, python: Path, procs: Path, simulator_url: str) -> Iterator[tuple[str, int]]:
    """The package's `run.sh` inside the group, ready; gives its URL and process id."""
    port = free_port()
    variables = environment(
        PATH=f"{python.parent}:/usr/bin:/bin",
        AWS_LWA_PORT=str(port),
        AWS_LAMBDA_FUNCTION_NAME="gateway",
        AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        ROUTER_SERVICE="bench",
        ROUTER_SIMULATOR_URL=simulator_url,
    )
    # The process enters the group before it becomes the gateway, so that its start is measured at the share too.
    command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(procs), str(task / "run.sh")]
    process = subprocess.Popen(command, cwd=task, env=variables, stdout=subprocess.DEVNULL, stderr=sys.stderr)  # noqa: S603 - our own
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        terminate(process, 20)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            httpx.get(url, timeout=5).raise_for_status()
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def timed(client: httpx.Client, url: str, body: object = None) -> float:
    began = time.perf_counter()
    client.post(url, json=body).raise_for_status()
    return time.perf_counter() - began


def streamed(client: httpx.Client, url: str, body: object) -> tuple[float, float]:
    """Seconds to the first piece and to the end."""
    began, first = time.perf_counter(), 0.0
    with client.stream("POST", url, json=body) as response:
        response.raise_for_status()
        for _ in response.iter_bytes():
            first = first or time.perf_counter() - began
    return first, time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def ask_whole(measured: Measured, client: httpx.Client, url: str, model: str) -> None:
    for _ in range(ANSWERS):
        measured.answers.append(timed(client, url, {**QUESTION, "model": model}))
        time.sleep(random.uniform(0.01, 0.05))  # noqa: S311 - so that requests meet the quota's periods anywhere


def ask_streams(measured: Measured, client: httpx.Client, url: str, model: str) -> None:
    for _ in range(STREAMS):
        first, whole = streamed(client, url, {**COUNT, "model": model})
        measured.first_chunks.append(first)
        measured.streams.append(whole)


def measure(measured: Measured, task: Path, python: Path, memory: int, simulator: SimulatorControl) -> None:
    """One round at one memory size."""
    with quota(memory) as procs, httpx.Client(timeout=60) as client:
        began = time.perf_counter()
        with gateway(task, python, procs, simulator.url) as (url, pid):
            measured.starts.append(time.perf_counter() - began)
            measured.primings.append(timed(client, f"{url}{BEFORE_CHECKPOINT}"))
            measured.restores.append(timed(client, f"{url}{AFTER_RESTORE}"))
            chat = f"{url}/v1/chat/completions"
            measured.firsts.append(timed(client, chat, QUESTION))
            before = cpu_seconds(pid)
            ask_whole(measured, client, chat, "openai-gpt4o")
            measured.cpu.append((cpu_seconds(pid) - before) / ANSWERS)
            ask_streams(measured, client, chat, "openai-gpt4o")
            measured.peak_mb = max(measured.peak_mb, peak_mb(pid))


def measure_direct(measured: Measured, simulator: SimulatorControl) -> None:
    """The same questions to the simulator itself, without a gateway or a quota."""
    with httpx.Client(timeout=60, headers={"Authorization": "Bearer sim-openai-key"}) as client:
        chat = f"{simulator.url}/openai/v1/chat/completions"
        ask_whole(measured, client, chat, "gpt-4o")
        ask_streams(measured, client, chat, "gpt-4o")


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def table(direct: Measured, found: dict[int, Measured]) -> str:
    lines = [
        "| memory, share of a vCPU | start | priming | restore hook | first answer, added | answers, added p50 | p95 "
        "| first token, added p50 | end of a stream, added p50 | CPU an answer | peak memory |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    base, base_first = statistics.median(direct.answers), statistics.median(direct.first_chunks)
    base_whole = statistics.median(direct.streams)
    for memory, one in found.items():
        cells = [
            f"{memory} MB, {memory / ONE_CPU:.2f}",
            f"{statistics.median(one.starts):.1f} s",
            f"{statistics.median(one.primings):.1f} s",
            f"{statistics.median(one.restores) * 1000:.0f} ms",
            f"{(statistics.median(one.firsts) - base) * 1000:.0f} ms",
            f"{(percentile(one.answers, 50) - base) * 1000:.1f} ms",
            f"{(percentile(one.answers, 95) - percentile(direct.answers, 95)) * 1000:.1f} ms",
            f"{(statistics.median(one.first_chunks) - base_first) * 1000:.1f} ms",
            f"{(statistics.median(one.streams) - base_whole) * 1000:.0f} ms",
            f"{statistics.median(one.cpu) * 1000:.1f} ms",
            f"{one.peak_mb:.0f} MB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(direct: Measured, found: dict[int, Measured]) -> str:
    """Duration alone: memory x (the model's seconds + what was added) x price."""
    heads = " | ".join(f"a million answers of {seconds} s" for seconds in ANSWER_SECONDS)
    lines = [f"| memory | {heads} |", f"|---|{'---|' * len(ANSWER_SECONDS)}"]
    for memory, one in found.items():
        added = statistics.median(one.answers) - statistics.median(direct.answers)
        usd = [memory / 1024 * (seconds + added) * USD_PER_GB_SECOND * 1e6 for seconds in ANSWER_SECONDS]
        lines.append(f"| {memory} MB | {' | '.join(f'{one:.2f} USD' for one in usd)} |")
    return "\n".join(lines)


def main() -> None:
    direct, found = Measured(), {memory: Measured() for memory in MEMORY}
    with TemporaryDirectory() as folder, simulator_process() as simulator:
        task, python = unpack(build_package(ARCH), Path(folder, "task")), clean_python(Path(folder, "python"))
        simulator.settings(latency=MODEL_SECONDS, chunk_delay=CHUNK_DELAY)
        for number in range(ROUNDS):
            measure_direct(direct, simulator)
            for memory, measured in found.items():
                measure(measured, task, python, memory, simulator)
                sys.stderr.write(f"round {number + 1} of {ROUNDS}: {memory} MB\n")
        make_writable(task)
    sys.stdout.write(f"{table(direct, found)}\n\n{costs(direct, found)}\n")


if __name__ == "__main__":
    main()
