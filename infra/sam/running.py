"""Runs the functions: one event through `sam local invoke`, or the whole API with `sam local start-api`."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.simulator.client import SimulatorControl, simulator_process

from ..bytecode import TASK_ROOT
from ..lambda_package import Arch
from . import CannotRunError, image, project
from .engine import Engine, docker
from .project import HOST, Project

INVOKE_SECONDS = 300.0
"""For one event. The first also has SAM fetch or make its image."""
START_SECONDS = 60.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
"""The simulator takes any; no real ones get into a container."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that an invocation needs."""

    engine: Engine
    project: Project
    arch: Arch
    options: tuple[str, ...]
    """Of the SAM command line, for each of its commands."""
    hosts: tuple[str, ...]
    """The one of them that tells a container where this machine is, where the engine does not know it."""
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    """Of the functions."""
    simulator: SimulatorControl


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one event brought."""

    answer: Any
    """What the function gave, from JSON."""
    log: str
    """What the function and SAM wrote."""


@contextmanager
def set_up(engine: Engine, stack: Project, arch: Arch, own: Path | None = None) -> Iterator[Setup]:
    """Start the simulator where the containers reach it, and have the image ready. Raises CannotRunError.

    `own` is a JSON file of the caller's own variables for the functions.
    """
    address = _simulator_address(engine)
    with simulator_process(host=address) as simulator, TemporaryDirectory(prefix="sam-") as folder:
        url = f"http://{HOST}:{simulator.url.rsplit(':', 1)[1]}"
        variables = project.variables(stack, url, own)
        named = Path(folder, "variables.json")
        named.write_text(json.dumps(variables))
        hosts = ("--add-host", f"{HOST}:{address}") if address == engine.gateway else ()
        options = ["--template", str(stack.template), "--env-vars", str(named), *hosts]
        if image.is_there(engine, image.name(arch)):
            options.append("--skip-pull-image")
        environment = {**os.environ, **engine.environment, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"}
        yield Setup(engine, stack, arch, tuple(options), hosts, environment, variables[stack.gateway], simulator)


def _simulator_address(engine: Engine) -> str:
    """The bridge's address where this machine has it, which only containers and this machine reach.

    Docker Desktop, whose engine is a machine of its own, leads its containers to this machine's loopback.
    """
    with socket.socket() as probe:
        try:
            probe.bind((engine.gateway, 0))
        except OSError:
            return "127.0.0.1"
    return engine.gateway


def invoke(setup: Setup, event: Path, function: str) -> Invocation:
    """Run `function` once through `sam local invoke`, in a container of its own. Raises CannotRunError."""
    command = [str(setup.project.sam), "local", "invoke", function, "--event", str(event), *setup.options]
    done = subprocess.run(  # noqa: S603 - our own command
        command, env=dict(setup.environment), check=False, capture_output=True, text=True, timeout=INVOKE_SECONDS
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise CannotRunError(_why(done.stderr, setup.arch))
    return Invocation(json.loads(lines[-1]), done.stderr)


def _why(said: str, arch: Arch) -> str:
    tag = image.name(arch)
    if "exec format error" in said:
        return f"the image {tag} is for another processor: docker rmi {tag}, then run this again"
    if "public.ecr.aws" in said and any(word in said.lower() for word in ("pull", "manifest", "toomanyrequests")):
        return f"the image {tag} is missing and cannot be fetched; make one of your own: python -m infra.sam image"
    return f"`sam local invoke` failed: {(said.strip() or 'it said nothing').splitlines()[-1]}"


@contextmanager
def api(setup: Setup, port: int, log: Path | None = None) -> Iterator[str]:
    """Serve the API with `sam local start-api` on loopback; gives its URL. Raises CannotRunError.

    One container stays and answers one request after the other, as an environment of Lambda does. Callers' keys are
    not asked for: there is no table of them here. `log` takes what SAM and the function write; None: this process's.
    """
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise CannotRunError(f"PORT={port}: in use; choose another")
    command = [
        *(str(setup.project.sam), "local", "start-api", "--host", "127.0.0.1", "--port", str(port)),
        *("--warm-containers", "LAZY", "--disable-authorizer", *setup.options),
    ]
    with (log or Path(os.devnull)).open("w") as file:
        out = None if log is None else file
        server = subprocess.Popen(command, env=dict(setup.environment), stdout=out, stderr=out)  # noqa: S603 - ours
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        # SAM takes its containers with it when it is interrupted, not when it is terminated.
        server.send_signal(2)
        try:
            server.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(START_SECONDS)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise CannotRunError("`sam local start-api` did not start; the lines above say why")


def call_tool(setup: Setup, event: Any, client_context: Any) -> Invocation:
    """Call AgentCore's tool in SAM's container, without SAM, whose commands pass no client context to a function.

    Source: samcli/local/docker/container.py of aws-sam-cli 1.170.0, `wait_for_http_response`. The container, its
    emulator and the package are SAM's own; the context goes into the header that the emulator reads.
    """
    tool = json.loads(setup.project.template.read_text())["Resources"][setup.project.tool]
    package = setup.project.template.parent / tool["Metadata"]["aws:asset:path"]
    variables = {**setup.variables, **CREDENTIALS, "_HANDLER": tool["Properties"]["Handler"]}
    words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    started = docker(
        setup.environment,
        *("run", "--detach", "--publish", "127.0.0.1:0:8080", *setup.hosts, "--volume", f"{package}:{TASK_ROOT}:ro"),
        *(*words, "--entrypoint", "/var/rapid/aws-lambda-rie", _emulator(setup, event)),
        timeout=60,
    )
    if started.returncode != 0:
        raise CannotRunError(f"the tool's container does not start: {started.stderr.strip()}")
    container = started.stdout.strip()
    try:
        port = docker(setup.environment, "port", container, "8080/tcp", timeout=20).stdout.strip().rsplit(":", 1)[1]
        answer = _post(int(port), event, client_context)
        logs = docker(setup.environment, "logs", container, timeout=20)
    finally:
        docker(setup.environment, "rm", "--force", container, timeout=60)
    return Invocation(answer, logs.stdout + logs.stderr)


def _emulator(setup: Setup, event: Any) -> str:
    """The tag of the image with SAM's emulator in it, which SAM makes when it first runs something."""
    tag = image.name(setup.arch).replace(f"-{setup.arch}", f"-rapid-{setup.arch}")
    if not image.is_there(setup.engine, tag):
        with TemporaryDirectory(prefix="tool-") as folder:
            bare = Path(folder, "event.json")
            bare.write_text(json.dumps(event))
            invoke(setup, bare, setup.project.tool)
    return tag


def _post(port: int, event: Any, client_context: Any) -> Any:
    context = base64.b64encode(json.dumps(client_context).encode()).decode()
    headers = {"Content-Type": "application/json", "X-Amz-Client-Context": context}
    end = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event), headers)
            return json.loads(connection.getresponse().read())
        except (ConnectionError, http.client.HTTPException) as error:
            # Docker publishes the port before the emulator listens behind it.
            if time.monotonic() > end:
                raise CannotRunError("the tool's container does not answer") from error
            time.sleep(0.2)
        finally:
            connection.close()
