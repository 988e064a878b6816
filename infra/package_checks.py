"""What must be true of a package before anyone deploys it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from . import bytecode

MOST_UNPACKED = 230_000_000
"""Bytes. Lambda's own limit is 250 MB, layers included; this leaves room for the Web Adapter's."""

_MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
"""ELF's number for the processor (`e_machine`, bytes 18 and 19)."""


class UnfitPackageError(Exception):
    """The package must not be deployed. The text says why."""


def check(archive: Path, arch: str, ours: Iterable[str]) -> None:
    """Raises UnfitPackageError where the zip file is too large, was built for another processor, or lacks bytecode
    for one of `ours`, the names of our files in it."""
    with ZipFile(archive) as opened:
        sizes = {entry.filename: entry.file_size for entry in opened.infolist()}
        refuse_startup_files(sizes)
        _refuse_foreign_libraries(opened, arch)
    _insist_on_bytecode(sizes.keys(), ours)
    if (total := sum(sizes.values())) > MOST_UNPACKED:
        raise UnfitPackageError(
            f"The package takes {total / 1e6:.0f} MB unpacked; at most {MOST_UNPACKED / 1e6:.0f} MB are allowed. "
            "Add what a Lambda never loads to infra/pruning.py."
        )


def refuse_startup_files(names: Iterable[str]) -> None:
    """Raises UnfitPackageError for a `.pth` file: Python runs its lines at every start, before any of our code.

    In March 2026 LiteLLM 1.82.7 and 1.82.8 on PyPI carried a credential stealer, one of them in such a file.
    """
    if found := sorted(name for name in names if name.endswith(".pth")):
        raise UnfitPackageError(
            f"A dependency ships {', '.join(found)}, which Python would run at every start. "
            "Find out which one and why before anything of it is run; none did when the lock file was last reviewed."
        )


def _refuse_foreign_libraries(opened: ZipFile, arch: str) -> None:
    for name in opened.namelist():
        if name.endswith(".so") or ".so." in name:
            with opened.open(name) as library:
                head = library.read(20)
            if int.from_bytes(head[18:20], "little") != _MACHINES[arch]:
                raise UnfitPackageError(f"{name} was not built for {arch}")


def _insist_on_bytecode(names: Iterable[str], ours: Iterable[str]) -> None:
    present = set(names)
    tag = f"cpython-{bytecode.PYTHON.replace('.', '')}"
    for name in ours:
        if name.endswith(".py"):
            module = PurePosixPath(name)
            if str(module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc") not in present:
                raise UnfitPackageError(f"{name} has no bytecode for Python {bytecode.PYTHON}")
