"""Lambda's image of the Python runtime, made here: for whoever cannot fetch AWS's own.

Debian's Python of the runtime's version, Lambda's runtime interface client, and the layout that the SAM command line
expects: it adds the emulator (/var/rapid/aws-lambda-rie) from its own package, which starts /var/runtime/bootstrap.
Source: samcli/local/docker/lambda_image.py and lambda_container.py of aws-sam-cli 1.170.0.

The recipe needs Debian or Ubuntu with mmdebstrap; the image runs on any engine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import uv

from ..bytecode import PYTHON
from ..lambda_package import PLATFORMS, ROOT, Arch
from . import CannotRunError
from .engine import Engine, docker

LOCK = ROOT / "infra" / "requirements-runtime.txt"
SUITE = "trixie"
"""The release of Debian whose Python is the runtime's 3.13."""
CONTENTS = (f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "ca-certificates")
DEBIAN_NAMES: Mapping[Arch, str] = {"x86_64": "amd64", "arm64": "arm64"}
BOOTSTRAP = f"""#!/bin/sh
# What the emulator starts. As in Lambda the function's own packages come before the runtime's.
export PYTHONPATH=/var/task:/opt/python:/var/runtime
cd /var/task
exec /usr/bin/python{PYTHON} -m awslambdaric "$_HANDLER"
"""
CONFIGURATION = (
    "ENV LANG=C.UTF-8 TZ=:UTC LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime",
    "WORKDIR /var/task",
    "LABEL made-by=litellm-fallback-router",
)


def name(arch: Arch) -> str:
    """The tag under which SAM looks for the runtime's image."""
    return f"public.ecr.aws/lambda/python:{PYTHON}-{arch}"


def is_there(engine: Engine, tag: str) -> bool:
    """Whether the engine has an image of that tag, AWS's or ours."""
    return docker(engine.environment, "image", "inspect", tag, timeout=30).returncode == 0


def build(arch: Arch, folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Make the image's file system as a tar file in `folder`, or give the one that was made before.

    Raises CannotRunError where mmdebstrap is missing or cannot fetch the packages.
    """
    recipe = hashlib.sha256(repr((SUITE, CONTENTS, BOOTSTRAP, LOCK.read_text())).encode()).hexdigest()[:16]
    made = folder / f"python-{PYTHON}-{arch}-{recipe}.tar"
    if made.exists():
        return made
    program = shutil.which("mmdebstrap", path=environment.get("PATH"))
    if program is None:
        raise CannotRunError("the image is made by mmdebstrap, which is not here: apt-get install mmdebstrap")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as temporary:
        runtime, unfinished = Path(temporary, "runtime"), Path(temporary, "image.tar")
        _install_client(runtime, arch)
        done = subprocess.run(  # noqa: S603 - our own command
            [
                *(program, "--quiet", "--variant=minbase", f"--architectures={DEBIAN_NAMES[arch]}"),
                f"--include={','.join(CONTENTS)}",
                '--customize-hook=mkdir -p "$1/var/task" "$1/opt"',
                f'--customize-hook=cp -r "{runtime}" "$1/var/runtime"',
                *(SUITE, str(unfinished), *_mirror()),
            ],
            env=dict(environment),
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise CannotRunError(f"the image could not be made of Debian's packages: {last}")
        unfinished.rename(made)
    return made


def load(engine: Engine, archive: Path, arch: Arch) -> None:
    """Give the engine the image of `archive` under the tag that SAM looks for. Raises CannotRunError."""
    changes = [word for line in CONFIGURATION for word in ("--change", line)]
    platform = f"linux/{DEBIAN_NAMES[arch]}"
    words = ("import", "--platform", platform, *changes, str(archive), name(arch))
    done = docker(engine.environment, *words, timeout=300)
    if done.returncode != 0:
        raise CannotRunError(f"the engine does not take the image: {done.stderr.strip()}")


def _install_client(folder: Path, arch: Arch) -> None:
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--target", str(folder), "--only-binary", ":all:"),
        *("--python-version", PYTHON, "--python-platform", PLATFORMS[arch], "--require-hashes", "-r", str(LOCK)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)  # noqa: S603 - ours
    if done.returncode != 0:
        raise CannotRunError(f"the runtime interface client could not be installed: {done.stderr.strip()}")
    bootstrap = folder / "bootstrap"
    bootstrap.write_text(BOOTSTRAP)
    bootstrap.chmod(0o755)


def _mirror() -> list[str]:
    """The mirror that this Debian itself uses; none elsewhere, where mmdebstrap knows one."""
    if not Path("/etc/debian_version").exists() or "ID=debian" not in Path("/etc/os-release").read_text().splitlines():
        return []
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages", "Origin: Debian"],  # noqa: S607 - Debian's own
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = [line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" main") and "security" not in line]
    return found[:1]
