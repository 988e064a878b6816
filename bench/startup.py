"""From process start to ready: every system, and the Lambda package with and without its bytecode."""

from __future__ import annotations

import http.client
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uv

from infra import bytecode, lazy_packages

from . import peers
from .client import BenchError
from .processes import Cores, environment, free_port, running
from .systems import System

PACKAGE, PLAIN, PRIMED = "package", "package without bytecode", "package, primed"
LITELLM, FRONT_DOOR = "import litellm", "import litellm_fallback_router"
BUILD_SECONDS = 900.0
COMMAND_SECONDS = 120.0
TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
GATEWAY = "litellm_fallback_router"


def starts_of_systems(
    systems: list[System], count: int, cores: Cores, folder: Path, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds from process start to ready, systems in turn; each runs from bytecode. Raises BenchError."""
    seconds: dict[str, list[float]] = {system.name: [] for system in systems if system.command}
    # The first start of all writes bytecode and warms the page cache, and is not counted.
    for number in range(count + 1):
        for system in systems:
            if not system.command:
                continue
            say(f"start {number} of {count}: {system.name}")
            with system.running(cores.system, folder) as process:
                if number:
                    seconds[system.name].append(process.ready_seconds)
    return seconds


def starts_of_package(count: int, cores: Cores, folder: Path, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Seconds of each kind of start of the Lambda package, in turn, on trees that nothing is written to.

    Raises BenchError where the package cannot be built.
    """
    say("building the Lambda package")
    python = str(_interpreter())
    tree, plain, installed = _trees(python)
    kinds: dict[str, Callable[[], float]] = {
        PACKAGE: lambda: _ready(python, tree, cores, folder, primed=False),
        PLAIN: lambda: _ready(python, plain, cores, folder, primed=False),
        PRIMED: lambda: _ready(python, tree, cores, folder, primed=True),
        LITELLM: lambda: _imported(python, installed, "litellm", cores),
        FRONT_DOOR: lambda: _imported(python, tree, GATEWAY, cores),
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(count + 1):
        for kind, start in kinds.items():
            say(f"start {number} of {count}: {kind}")
            taken = start()
            if number:
                seconds[kind].append(taken)
    return seconds


def _ready(python: str, tree: Path, cores: Cores, folder: Path, *, primed: bool) -> float:
    """As run.sh starts it. Primed: with everything done that comes before a SnapStart snapshot."""
    port = free_port()
    command = [python, "-s", "-m", "uvicorn", f"{GATEWAY}.entrypoints.lambda_web:app", "--port", str(port)]
    variables = _variables(tree) | {"AWS_LAMBDA_FUNCTION_NAME": "bench"}
    began = time.perf_counter()
    command += ["--log-level", "warning"]
    log = folder / "package.log"
    with running(command, port=port, ready_path="/health", extra=variables, cores=cores.system, log=log) as process:
        if primed:
            _post(port, "/snapstart/before-checkpoint")
            return time.perf_counter() - began
        return process.ready_seconds


def _post(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=COMMAND_SECONDS)
    connection.request("POST", path)
    status = connection.getresponse().status
    connection.close()
    if status != 204:
        raise BenchError(f"the package answered {status} to {path}")


def _imported(python: str, tree: Path, module: str, cores: Cores) -> float:
    pinned = ["taskset", "-c", ",".join(map(str, sorted(cores.system)))]
    done = _run([*pinned, python, "-s", "-c", TIMED.format(module)], COMMAND_SECONDS, environment(_variables(tree)))
    return float(done)


def _variables(tree: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def _interpreter() -> Path:
    try:
        return bytecode.find_interpreter()
    except bytecode.InterpreterMissingError as error:
        raise BenchError(str(error)) from error


def _trees(python: str) -> tuple[Path, Path, Path]:
    """The package of this machine's architecture, unpacked; the same modules as source only; and the locked wheels as
    they are, with bytecode."""
    arch = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    home = peers.BUILD / "package"
    _run([sys.executable, "-m", "infra.lambda_package", "--arch", arch, "--out", str(home)], BUILD_SECONDS)
    built = home / f"lambda-{arch}.zip"
    tree, plain, installed, done = home / "tree", home / "plain", home / "sources", home / "unpacked.zip"
    if not done.exists() or done.read_bytes() != built.read_bytes():
        for old in (tree, plain):
            with suppress(FileNotFoundError):
                shutil.rmtree(old)
        shutil.unpack_archive(built, tree)
        _undo_bytecode(tree, plain, python, installed)
        shutil.copy(built, done)
    return tree, plain, installed


def _undo_bytecode(tree: Path, plain: Path, python: str, sources: Path) -> None:
    """`plain` is `tree` with each module's source, from the same locked wheels, in place of its bytecode."""
    lock = peers.ROOT / "lambda_src" / "requirements.txt"
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", python, "--target", str(sources)]
    _run([*install, "--upgrade", "--compile-bytecode", "--require-hashes", "-r", str(lock)], BUILD_SECONDS)
    shutil.copytree(tree, plain, ignore=shutil.ignore_patterns("__pycache__"))
    for compiled in [*plain.rglob("*.pyc")]:
        source = compiled.with_suffix(".py")
        if not source.exists():
            shutil.copy(sources / source.relative_to(plain), source)
        compiled.unlink()
    lazy_packages.rewrite(plain)


def _run(command: list[str], seconds: float, variables: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, check=False, capture_output=True, text=True, timeout=seconds, cwd=peers.ROOT, env=variables
    )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout
