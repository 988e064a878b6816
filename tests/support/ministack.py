"""A local AWS (MiniStack) as a process of its own, on loopback, whose Lambdas run on an interpreter that has nothing
but what Lambda's runtime brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import uv

from infra.bytecode import find_interpreter
from local.processes import terminate
from tests.support.gateway import free_port

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "tests" / "e2e"
ENVIRONMENTS = ROOT / "build" / "e2e"
REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
# MiniStack runs Lambdas on its own interpreter, whose packages would hide what ours lacks.
_START = "import sys; sys.executable = sys.argv.pop(1); from ministack.app import main; main()"


@dataclass(frozen=True)
class MiniStack:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def credentials(self) -> dict[str, str]:
        """The environment in which AWS's tools talk to it, as its root user."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@contextmanager
def ministack_process(folder: Path) -> Iterator[MiniStack]:
    """Run MiniStack, with its IAM enforced, while the context lasts. `folder` takes its log and its Lambdas."""
    server = _environment("ministack", LOCKS / "requirements.txt")
    runtime = _environment("lambda-runtime", LOCKS / "requirements-lambda.txt")
    port = free_port()
    (folder / "tmp").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "INFO",
    }
    log = folder / "ministack.log"
    with log.open("wb") as output:
        command = [str(server), "-c", _START, str(runtime)]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield MiniStack(url, process, log)
    finally:
        terminate(process, STOP_SECONDS)
        shutil.rmtree(folder / "tmp", ignore_errors=True)  # each Lambda's unpacked package: hundreds of MB


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/_ministack/health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"MiniStack did not start:\n{log.read_text()[-3000:]}")


def _environment(name: str, lock: Path) -> Path:
    """The interpreter of a Python 3.13 with exactly what `lock` says, made where it is not there yet."""
    folder = ENVIRONMENTS / name
    python, stamp = folder / "bin" / "python", folder / "locked.txt"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return python
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "-q", "--clear", "--python", str(find_interpreter()), str(folder)], check=True)
    install = [tool, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(lock)]
    subprocess.run(install, check=True, timeout=300)
    stamp.write_text(lock.read_text())
    return python
