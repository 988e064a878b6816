"""Bytecode for exactly the Python that Lambda runs, so that no cold start compiles anything.

/var/task is read-only: a package without bytecode compiles 2,000 modules at every cold start, which takes seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import uv

PYTHON = "3.13"
"""The minor version of the Lambda runtime. Bytecode of another one is not read."""
TASK_ROOT = "/var/task"
"""Where Lambda unpacks the zip: the file names that tracebacks show."""


class InterpreterMissingError(Exception):
    """This machine has no Python of the version that Lambda runs, and none could be fetched."""


def compile_dependencies(tree: Path, python: Path) -> None:
    """Replace every module below `tree` by its bytecode, in the same place.

    Without their sources the dependencies take 45 MB less; a traceback still names their files and lines.
    Raises subprocess.CalledProcessError where one does not compile.
    """
    _compile(tree, python, "-b")
    for source in tree.rglob("*.py"):
        source.unlink()


def compile_ours(tree: Path, python: Path) -> None:
    """Put the bytecode of every module below `tree` into `__pycache__`, beside its source."""
    _compile(tree, python)


def _compile(tree: Path, python: Path, *options: str) -> None:
    command = [
        *(str(python), "-sP", "-m", "compileall", "-q", *options),
        # One process: with several, the order and so the bytes would differ from run to run.
        *("-j", "1"),
        *("--invalidation-mode", "unchecked-hash"),
        *("-s", str(tree), "-p", TASK_ROOT),
        str(tree),
    ]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": "0"})  # noqa: S603 - our own command


def find_interpreter() -> Path:
    """A Python of version `PYTHON`: one of this machine's, else one that uv fetches.

    Raises InterpreterMissingError, which says how to get one.
    """
    for candidate in chain(_installed(), _fetched()):
        if _is_right(candidate):
            return candidate
    raise InterpreterMissingError(
        f"The Lambda package needs Python {PYTHON} to compile its bytecode. This machine has none and uv could not "
        f"fetch one. Install it (apt-get install python{PYTHON}, brew install python@{PYTHON}, or pyenv install "
        f"{PYTHON}) or allow uv to download it, then run this again."
    )


def _installed() -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if found := shutil.which(f"python{PYTHON}", path=folder):
            yield Path(found)
    # pyenv's python3.13 on the PATH works only where that version is switched on.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{PYTHON}.*/bin/python{PYTHON}"), reverse=True)


def _fetched() -> Iterator[Path]:
    command = [uv.find_uv_bin(), "python", "install", "--quiet", "--no-bin", PYTHON]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
    find = [uv.find_uv_bin(), "python", "find", "--quiet", "--managed-python", PYTHON]
    found = subprocess.run(find, check=False, capture_output=True, text=True)  # noqa: S603 - our own command
    if found.returncode == 0:
        yield Path(found.stdout.strip())


def _is_right(python: Path) -> bool:
    command = [str(python), "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)  # noqa: S603 - ours
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == PYTHON
