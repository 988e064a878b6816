"""A Lambda function as processes of its own, on a Runtime API that the test serves."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.processes import wait_or_kill
from tests.support.runtime_api import RuntimeApi, runtime_api

START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0


@contextmanager
def lambda_processes(
    commands: Sequence[Sequence[str | Path]], task: Path, environment: Mapping[str, str], log: Path
) -> Iterator[RuntimeApi]:
    """Run the commands (a runtime, extensions) in the unpacked package `task`, with what Lambda sets in every
    environment. What they print goes to `log`."""
    with runtime_api() as api, log.open("wb") as output:
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "gateway",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/gateway",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(task),
            **environment,
        }
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for command in commands:
                processes.append(
                    subprocess.Popen(command, cwd=task, env=variables, stdout=output, stderr=subprocess.STDOUT)
                )
            yield api
        finally:
            api.closing.set()
            for process in processes:
                process.terminate()
            for process in processes:
                wait_or_kill(process, STOP_TIMEOUT)


def started(api: RuntimeApi, log: Path) -> None:
    """Wait until the function asks for its first event."""
    until = time.monotonic() + START_TIMEOUT
    while not api.ready.wait(0.1):
        assert api.failure is None, f"it could not start: {api.failure}"
        assert time.monotonic() < until, f"it did not start:\n{log.read_text()[-4000:]}"
