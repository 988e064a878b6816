"""What each step of the package's making does for its cold start: python -m bench.cold_start [--rounds 7]

Every stage of the package is started by Lambda's own runtime interface client and emulator, in turn, and asked one
question of the simulator. Writes docs/benchmarks/cold-start.md. Needs Linux; the emulator is aws-sam-cli's, from PyPI.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uv
from rich.console import Console

from local.simulator import simulator_process
from tests.support.packaged import clean_python, environment, install, make_writable
from tests.support.rest_events import rest_event

from . import cold_page, peers
from .client import BenchError
from .cold_trees import COMPILED, PRIMED, Stage, stages
from .processes import Cores, Running, free_port

PAGE = peers.ROOT / "docs" / "benchmarks" / "cold-start.md"
HANDLER = "litellm_fallback_router.entrypoints.lambda_handler.handler"
QUESTION = {"model": "openai-gpt4o-mini", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
SECONDS = 120.0
_PRIMED_HANDLER = """from litellm_fallback_router.entrypoints import lambda_handler as door
from litellm_fallback_router.entrypoints.snapstart import before_checkpoint
door._loop.run_until_complete(before_checkpoint(door._settings))
handler = door.handler
"""
"""The emulator takes no snapshots: what comes before one is done here while the function starts."""
_IMPORT = (
    "import time; t, c = time.perf_counter(), time.process_time(); import litellm; "
    "print(time.perf_counter() - t, time.process_time() - c)"
)


@dataclass(frozen=True, slots=True)
class Start:
    """One start, in seconds."""

    init: float
    """As the emulator reports it: from starting Python until the function asks for its first event."""
    first: float
    """The first invocation: a question the provider answers at once."""
    cpu: float
    """Processor time of both."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What starts a function."""

    emulator: Path
    python: Path
    """Lambda's Python with the runtime interface client."""
    handlers: Path
    simulator_url: str
    cores: Cores


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="starts of each stage")
    rounds = parser.parse_args().rounds
    if sys.platform != "linux" or shutil.which("taskset") is None:
        raise SystemExit("The benchmark needs Linux and taskset (util-linux).")
    peers.BUILD.mkdir(parents=True, exist_ok=True)
    console = Console()
    with (
        TemporaryDirectory(dir=peers.BUILD) as home,
        console.status("starting") as status,
        simulator_process() as simulator,
    ):
        folder = Path(home)
        tools = _tools(folder, simulator.url)
        made = stages(folder, status.update)
        try:
            starts, imports = _measure(made, tools, rounds, status.update)
            profile = _profile(made[-1], tools)
        finally:
            for stage in made:
                make_writable(stage.tree)
    PAGE.write_text(cold_page.page(made, starts, imports, profile), encoding="utf-8")
    console.print(f"written to {PAGE.relative_to(peers.ROOT)}")
    return 0


def _measure(
    made: list[Stage], tools: Tools, rounds: int, say: Callable[[str], None]
) -> tuple[Mapping[str, list[Start]], list[tuple[float, float]]]:
    """Starts by stage, and seconds and processor seconds of `import litellm` alone with bytecode, in turn."""
    starts: dict[str, list[Start]] = {stage.name: [] for stage in made}
    imports: list[tuple[float, float]] = []
    compiled = next(stage for stage in made if stage.name == COMPILED)
    # The first round only warms the page cache.
    for number in range(rounds + 1):
        for stage in made:
            say(f"round {number} of {rounds}: {stage.name}")
            start = _started(stage, tools)
            if number:
                starts[stage.name].append(start)
        wall, cpu = map(float, _python(compiled, tools, "-c", _IMPORT).stdout.split())
        if number:
            imports.append((wall, cpu))
    return starts, imports


def _started(stage: Stage, tools: Tools) -> Start:
    port, log = free_port(), tools.handlers / "emulator.log"
    command = [*_pinned(tools), str(tools.emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}", str(tools.python), "-m", "awslambdaric"]
    handler = "primed.handler" if stage.name == PRIMED else HANDLER
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, handler], env=_variables(stage, tools), cwd=stage.tree, stdout=output, stderr=output
        )
        try:
            answer = _invoke(port, process)
            cpu = Running(process.pid, port, 0.0).cpu_seconds
        finally:
            process.terminate()
            process.wait(SECONDS)
    told = log.read_text()
    if answer.get("statusCode") != 200:
        raise BenchError(f"{stage.name}: {answer}\n{told[-2000:]}")
    return Start(_reported(r"INIT REPORT\(durationMs: ([\d.]+)\)", told), _reported(r"duration: ([\d.]+)ms", told), cpu)


def _reported(pattern: str, log: str) -> float:
    found = re.search(pattern, log)
    if found is None:
        raise BenchError(f"the emulator did not report {pattern}:\n{log[-2000:]}")
    return float(found[1]) / 1000


def _invoke(port: int, process: subprocess.Popen[bytes]) -> dict[str, object]:
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    body = json.dumps(rest_event("POST", "/v1/chat/completions", QUESTION)).encode()
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, body, timeout=SECONDS) as response:
                answer: dict[str, object] = json.loads(response.read())
                return answer
        except urllib.error.URLError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise BenchError(f"the emulator does not answer: {error}") from error
            time.sleep(0.05)


def _profile(stage: Stage, tools: Tools) -> str:
    """What `-X importtime` says of the function's start."""
    return _python(stage, tools, "-X", "importtime", "-c", f"import {HANDLER.rpartition('.')[0]}").stderr


def _python(stage: Stage, tools: Tools, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [*_pinned(tools), str(tools.python), *arguments],
        env=_variables(stage, tools),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )


def _pinned(tools: Tools) -> list[str]:
    return ["taskset", "-c", ",".join(map(str, sorted(tools.cores.system)))]


def _variables(stage: Stage, tools: Tools) -> dict[str, str]:
    """What Lambda sets. Root may write where the modes forbid it, and bytecode must not come to be on the way."""
    return environment(
        PYTHONPATH=os.pathsep.join(map(str, (stage.tree, tools.handlers))),
        PYTHONDONTWRITEBYTECODE="1",
        AWS_LAMBDA_FUNCTION_NAME="gateway",
        AWS_LAMBDA_FUNCTION_TIMEOUT=str(int(SECONDS)),
        AWS_REGION="us-east-1",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        ROUTER_SIMULATOR_URL=tools.simulator_url,
    )


def _tools(folder: Path, simulator_url: str) -> Tools:
    python = clean_python(folder / "runtime")
    install(python, peers.ROOT / "infra" / "requirements-runtime.txt")
    command = [str(python), "-m", "compileall", "-q", str(folder / "runtime" / "lib")]
    subprocess.run(command, check=True)  # noqa: S603 - our own command
    handlers = folder / "handlers"
    handlers.mkdir()
    (handlers / "primed.py").write_text(_PRIMED_HANDLER)
    return Tools(_emulator(folder), python, handlers, simulator_url, Cores.of_this_machine())


def _emulator(folder: Path) -> Path:
    """The Lambda Runtime Interface Emulator, out of the locked aws-sam-cli."""
    lock = (peers.ROOT / "scripts" / "requirements-sam.txt").read_text()
    locked = re.search(r"^aws-sam-cli==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if locked is None:
        raise BenchError("scripts/requirements-sam.txt names no aws-sam-cli")
    (folder / "sam.txt").write_text(locked[0])
    where = [
        "--no-deps",
        "--require-hashes",
        "--requirements",
        str(folder / "sam.txt"),
        "--target",
        str(folder / "sam"),
    ]
    subprocess.run([uv.find_uv_bin(), "pip", "install", "--quiet", *where], check=True)  # noqa: S603 - our own command
    arch = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    emulator = folder / "sam" / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{arch}"
    emulator.chmod(0o755)
    return emulator


if __name__ == "__main__":
    sys.exit(main())
