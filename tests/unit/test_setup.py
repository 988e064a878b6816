"""What `scripts/setup.sh` says where something is missing, with a made-up Python on the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import REPOSITORY

PYTHON = """#!/bin/sh
# Python as far as the setup asks it. Its copy in .venv is the same.
case "$*" in
*ensurepip*) {ensurepip} ;;
*version_info*) echo {version} ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/uv ;;
*pip*) {pip} ;;
esac
"""


def install_python(
    folder: Path, version: str = "3.12.1", *, ensurepip: str = "true", pip: str = "true", name: str = "bin/python3"
) -> None:
    write(folder / name, PYTHON.format(version=version, ensurepip=ensurepip, pip=pip))


def write(program: Path, text: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


def setup(folder: Path, **variables: str) -> tuple[int, list[str]]:
    """Exit code and lines."""
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "PYTHON": "python3", **variables}
    command = ["sh", str(REPOSITORY / "scripts" / "setup.sh")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def complaint(folder: Path, **variables: str) -> str:
    code, lines = setup(folder, **variables)
    assert code == 1
    assert len([line for line in lines if "installing the locked" not in line]) == 1
    return lines[-1]


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "'python3.99' is not installed. Install Python 3.11 or newer" in complaint(tmp_path, PYTHON="python3.99")


def test_a_shim_without_a_python_behind_it_is_not_called_old(tmp_path: Path) -> None:
    write(tmp_path / "bin/python3", "#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n")
    said = complaint(tmp_path)
    assert "does not run (pyenv: python3: command not found)" in said
    assert "old" not in said


@pytest.mark.parametrize("version", ["2.7.18", "3.10.14"])
def test_an_old_python_is_called_old(tmp_path: Path, version: str) -> None:
    install_python(tmp_path, version)
    assert f"'python3' is Python {version}, which is too old" in complaint(tmp_path)


def test_a_missing_venv_says_which_package_has_it(tmp_path: Path) -> None:
    install_python(tmp_path, ensurepip="exit 1")
    assert "apt-get install python3.12-venv" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("ERROR: No matching distribution found for uv==0.9", "could not be reached"),
        ("error: Failed to fetch: https://x/simple/a. Caused by: dns error", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "its hash differs"),
        ("error: Hash mismatch for a==1", "its hash differs"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("error: something else", "error: something else"),
    ],
)
def test_what_cannot_be_installed_is_one_line_with_the_reason(tmp_path: Path, words: str, meaning: str) -> None:
    install_python(tmp_path, pip=f'echo more; echo "{words}" >&2; exit 1')
    assert meaning in complaint(tmp_path)
    assert words in (tmp_path / ".venv/setup.log").read_text()


def test_a_venv_is_kept_unless_another_python_was_named(tmp_path: Path) -> None:
    install_python(tmp_path, "3.11.7", name=".venv/bin/python")
    shutil.copy(tmp_path / ".venv/bin/python", tmp_path / ".venv/bin/uv")
    install_python(tmp_path)
    code, lines = setup(tmp_path)
    assert (code, len(lines)) == (0, 1)
    assert "echo 3.11.7" in (tmp_path / ".venv/bin/python").read_text()
    code, lines = setup(tmp_path, ANEW="yes")
    assert code == 0
    assert lines[0] == "setup: .venv has Python 3.11.7 and is built anew with 3.12.1, as PYTHON says"
    assert "echo 3.12.1" in (tmp_path / ".venv/bin/python").read_text()


@pytest.mark.parametrize(("named", "asked"), [([], 0), (["PYTHON=python3"], 1), (["PYTHON=./same"], 0)])
def test_make_sets_up_again_only_for_another_python_that_was_named(
    tmp_path: Path, named: list[str], asked: int
) -> None:
    """`asked`: whether the setup ran."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    write(tmp_path / "same", "#!/bin/sh\necho Python 3.11.7\n")
    write(tmp_path / "bin/python3", "#!/bin/sh\necho Python 3.12.1\n")
    write(tmp_path / ".venv/bin/python", "#!/bin/sh\necho Python 3.11.7\n")
    write(tmp_path / "scripts/setup.sh", 'echo "set up with $PYTHON, anew: $ANEW"\n')
    for file in ("requirements-uv.txt", "requirements.txt", "pyproject.toml"):
        (tmp_path / file).touch()
    past = 1_000_000_000
    for file in ("requirements-uv.txt", "requirements.txt", "pyproject.toml", "scripts/setup.sh"):
        os.utime(tmp_path / file, (past, past))
    (tmp_path / ".venv/ready").touch()
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    command = ["make", "-s", ".venv/ready", *named]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.count("set up with python3, anew: yes") == asked
    assert bool(done.stdout) is bool(asked)
