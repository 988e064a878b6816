"""What SAM runs: its command line, installed once, and the stack's template with the functions in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import uv

from ..lambda_package import ROOT, Arch
from . import CannotRunError

FOLDER = ROOT / "build" / "sam"
LOCK = ROOT / "scripts" / "requirements-sam.txt"
VENV = FOLDER / "venv"
STACK = "FallbackRouter-dev"
GATEWAY = "litellm_fallback_router.entrypoints.lambda_handler.handler"
TOOL = "fallback_router_agentcore.handler.handler"
HOST = "host.docker.internal"
"""What a container calls the machine that it runs on."""
PLACEHOLDER = f"http://{HOST}:9"
"""The simulator of the template; each run names the real one."""
AGENTS = {"allow": {"local": {"principals": ["arn:aws:iam::123456789012:role/local"], "models": ["cost-optimized"]}}}
"""So that the template has the tool for AgentCore, too."""


@dataclass(frozen=True, slots=True)
class Project:
    """A synthesized stack, and the SAM command line to run it."""

    sam: Path
    template: Path
    gateway: str
    """Logical id of the function that answers HTTP."""
    tool: str
    """Logical id of the function that answers AgentCore Gateway."""


def prepare(arch: Arch) -> Project:
    """Install the SAM command line into build/sam, once, and synthesize the stack, whose answers come in one piece.

    Raises CannotRunError.
    """
    _install_sam()
    _synthesize(arch)
    return prepared(arch)


def _install_sam() -> None:
    locked = FOLDER / "locked.txt"
    if not locked.exists() or locked.read_text() != LOCK.read_text():
        sys.stderr.write("sam: installing the SAM command line into build/sam (once)\n")
        for words in (
            ("venv", "--quiet", "--clear", str(VENV)),
            ("pip", "install", "--quiet", "--python", str(VENV), "--require-hashes", "-r", str(LOCK)),
        ):
            command = [uv.find_uv_bin(), *words]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)  # noqa: S603 - ours
            if done.returncode != 0:
                raise CannotRunError(f"the SAM command line could not be installed: {done.stderr.strip()}")
        shutil.copy(LOCK, locked)


def _synthesize(arch: Arch) -> None:
    pinned = os.environ.get("PINNED_CDK")
    if not pinned:
        raise CannotRunError("PINNED_CDK is not set; start this with make, which names the CDK command line to use")
    settings = {"response_mode": "buffered", "arch": arch, "simulator_url": PLACEHOLDER}
    settings["agentcore"] = json.dumps(AGENTS)
    done = subprocess.run(  # noqa: S603 - our own command
        [
            *(str(Path(sys.prefix, "bin", "npx")), "--yes", pinned, "synth", "--quiet", "--path-metadata=false"),
            *("--output", str(_output(arch))),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    if done.returncode != 0:
        raise CannotRunError("the stack could not be synthesized; the lines above say why")
    _unpack(_output(arch) / f"{STACK}.template.json")


def _unpack(template: Path) -> None:
    """Unpack the package once: SAM would do so for each event, and delete it again."""
    content = json.loads(template.read_text())
    for function in content["Resources"].values():
        packed = template.parent / function.get("Metadata", {}).get("aws:asset:path", ".")
        if packed.suffix == ".zip":
            folder = packed.with_suffix("")
            if not folder.exists():
                unfinished = folder.with_suffix(".part")
                shutil.rmtree(unfinished, ignore_errors=True)
                with ZipFile(packed) as package:
                    package.extractall(unfinished)
                unfinished.rename(folder)
            function["Metadata"]["aws:asset:path"] = folder.name
    template.write_text(json.dumps(content))


def prepared(arch: Arch) -> Project:
    """What `prepare` made before, as it is."""
    template = _output(arch) / f"{STACK}.template.json"
    resources: dict[str, Any] = json.loads(template.read_text())["Resources"]
    handlers = {one["Properties"].get("Handler", ""): name for name, one in resources.items()}
    return Project(VENV / "bin" / "sam", template, handlers[GATEWAY], handlers[TOOL])


def _output(arch: Arch) -> Path:
    return FOLDER / f"cdk.out-{arch}"


def variables(project: Project, simulator: str, own: Path | None = None) -> dict[str, dict[str, str]]:
    """The functions' environment as SAM's `--env-vars` takes it: the simulator, no table, and what `own` says.

    `own` is a JSON file `{"NAME": "value"}`. SAM passes on only what the template declares, so it is declared there.

    Raises CannotRunError where the file is not of that shape.
    """
    # There is no table here: state stays in the function's memory, as it does anywhere without AWS.
    chosen = {"ROUTER_SIMULATOR_URL": simulator, "ROUTER_STATE_TABLE": "", **_read(own)}
    template = json.loads(project.template.read_text())
    for name in (project.gateway, project.tool):
        declared = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        template["Resources"][name]["Properties"]["Environment"]["Variables"] = dict.fromkeys(chosen, "") | declared
    project.template.write_text(json.dumps(template))
    return dict.fromkeys((project.gateway, project.tool), chosen)


def _read(own: Path | None) -> dict[str, str]:
    if own is None:
        return {}
    shape = 'write one object of strings, as {"ROUTER_LOG_LEVEL": "DEBUG"}'
    try:
        found = json.loads(own.read_text())
    except OSError as error:
        raise CannotRunError(f"ENV={own}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CannotRunError(f"ENV={own}: is no JSON; {shape}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise CannotRunError(f"ENV={own}: {shape}")
    return found
