"""`python -m infra.sam`: what `make sam-invoke` and `make e2e-sam` call."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from ..lambda_package import ROOT, Arch
from . import CannotRunError, engine, image, project, running
from .engine import Engine

ARCH: Arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
"""This machine's own: a container of the other would need an emulator of processors."""
IMAGES = project.FOLDER / "images"
TESTS = ROOT / "tests" / "e2e" / "sam.py"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
Env = Annotated[Path | None, typer.Option("--env", help='JSON file of variables for the function: {"NAME": "value"}')]


@app.command()
def invoke(event: Annotated[Path, typer.Argument(help="tests/events has one for each route")], env: Env = None) -> None:
    """Run one event through the function in a container; its answer goes to stdout, everything else to stderr."""
    if not event.is_file():
        _fail(f"EVENT={event}: there is no such file; tests/events has one for each route")
    with _told(), running.set_up(engine.running(), project.prepare(ARCH), ARCH, env) as setup:
        content = json.loads(event.read_text())
        if content.keys() == {"event", "client_context"}:
            sys.stderr.write("sam: SAM passes no client context; its container is called without it\n")
            done = running.call_tool(setup, **content)
        else:
            done = running.invoke(setup, event, setup.project.gateway)
    sys.stderr.write(done.log)
    sys.stdout.write(json.dumps(done.answer, indent=2) + "\n")


@app.command()
def api(port: Annotated[int, typer.Option(min=1, max=65_535)] = 3000, env: Env = None) -> None:
    """Serve the API on loopback until Ctrl-C, with the function in a container."""
    with (
        _told(),
        running.set_up(engine.running(), project.prepare(ARCH), ARCH, env) as setup,
        running.api(setup, port) as url,
        suppress(KeyboardInterrupt),
    ):
        sys.stderr.write(f"sam: base URL {url}/v1, any key; Ctrl-C ends it\n")
        signal.pause()


@app.command(name="image")
def make_image() -> None:
    """Make Lambda's image of the Python runtime from Debian's packages, for whoever cannot fetch AWS's own."""
    with _told():
        found = engine.running()
        image.load(found, image.build(ARCH, IMAGES), ARCH)
    sys.stdout.write(f"{image.name(ARCH)}\n")


@app.command()
def test() -> None:
    """Test the function in containers, with the engine that is there or one of its own. Says "skipped" without one."""
    try:
        found = engine.running()
    except CannotRunError as missing:
        _test_with_own_engine(str(missing))
    else:
        with _told():
            if not image.is_there(found, image.name(ARCH)):
                image.load(found, image.build(ARCH, IMAGES), ARCH)
            project.prepare(ARCH)
        raise typer.Exit(_pytest(found))


def _test_with_own_engine(missing: str) -> None:
    if why := engine.obstacle_to_own():
        _skip(f"{missing}; {why}")
    try:
        sys.stderr.write("sam: no Docker engine here; unpacking one from Debian's packages into build/sam\n")
        packages = project.FOLDER / "engine"
        environment = engine.unpack_packages(packages)
        image.build(ARCH, IMAGES, environment)
    except CannotRunError as error:
        _skip(f"{missing}; {error}")
    with _told():
        project.prepare(ARCH)
    # What is started in there neither reaches nor listens on any network but its own.
    command = ["unshare", "--net", sys.executable, "-m", "infra.sam", "test-inside", str(packages)]
    raise typer.Exit(subprocess.run(command, check=False, cwd=ROOT).returncode)  # noqa: S603 - our own command


@app.command(hidden=True)
def test_inside(packages: Path) -> None:
    """The rest of `test`, in a network namespace of its own."""
    try:
        with engine.own(engine.unpack_packages(packages)) as started:
            image.load(started, image.build(ARCH, IMAGES, started.environment), ARCH)
            code = _pytest(started)
    except CannotRunError as error:
        _skip(str(error))
    raise typer.Exit(code)


def _pytest(found: Engine) -> int:
    sys.stderr.write("e2e-sam: running in containers\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rP", "--timeout=400", str(TESTS)]
    return subprocess.run(command, check=False, cwd=ROOT, env=dict(found.environment)).returncode  # noqa: S603 - ours


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CannotRunError as error:
        _fail(str(error))


def _fail(why: str) -> None:
    sys.stderr.write(f"sam: {why}\n")
    raise typer.Exit(1)


def _skip(why: str) -> None:
    sys.stderr.write(f"e2e-sam: skipped: {why}\n")
    raise typer.Exit(0)


if __name__ == "__main__":
    app()
