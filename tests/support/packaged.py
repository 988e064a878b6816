"""The Lambda package unpacked as Lambda does it, and an interpreter that has nothing else."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import uv

from infra.bytecode import find_interpreter
from infra.lambda_package import Arch

ARCH: Arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
"""The package that this machine can run."""


def unpack(package: Path, folder: Path) -> Path:
    """Extract the zip with its file modes, and take away the right to write, as /var/task has none."""
    with ZipFile(package) as opened:
        opened.extractall(folder)
        for entry in opened.infolist():
            (folder / entry.filename).chmod((entry.external_attr >> 16) & 0o555)
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        path.chmod(0o555)
    return folder


def listing(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Every file with its size and time: whoever is root may write where the modes forbid it, and this shows it."""
    found = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*"))
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found}


def make_writable(folder: Path) -> None:
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        path.chmod(0o755)


def clean_python(folder: Path) -> Path:
    """A virtual environment of Lambda's Python without a single package; gives its interpreter."""
    subprocess.run([find_interpreter(), "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python3.13"


def install(python: Path, lock: Path) -> None:
    """Install a lock file into the interpreter's environment."""
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    subprocess.run([*command, "--requirements", str(lock)], check=True)


def environment(**variables: str) -> dict[str, str]:
    """Nothing of this process's environment but where commands are found."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}


def unpacked_size(archive: Path) -> int:
    """Bytes that the files take once unpacked."""
    with ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())
