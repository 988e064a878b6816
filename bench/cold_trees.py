"""The Lambda package in the stages of its making: from what pip would give to what is deployed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import archive, bytecode, lambda_package, lazy_packages, pruning
from tests.support.packaged import ARCH, unpack, unpacked_size

NAIVE, COMPILED, PRUNED, LAZY = "as installed", "with bytecode", "pruned, bytecode only", "lazy packages"
BUILT, PRIMED = "collector rests (as built)", "primed"

TIRELESS = """from contextlib import nullcontext as gc_paused
__all__ = ["gc_paused"]
"""
"""`collector.py` without what it is for, so that the stages before it show what it saves."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One state of the package, unpacked and without the right to write."""

    name: str
    tree: Path
    unpacked_mb: float
    zipped_mb: float


def stages(folder: Path, say: Callable[[str], None]) -> list[Stage]:
    """Each adds one step to the one before. Takes a minute or two, and a gigabyte in `folder`."""
    python = bytecode.find_interpreter()
    work = folder / "work"
    say("installing the locked wheels")
    lambda_package.install(work, ARCH)
    ours = _ours(folder / "ours")
    made = [_stage(NAIVE, work, ours, folder)]
    say("compiling")
    compiled = shutil.copytree(work, folder / "compiled")
    bytecode.compile_ours(compiled, python)
    bytecode.compile_ours(ours, python)
    made.append(_stage(COMPILED, compiled, ours, folder))
    shutil.rmtree(compiled)
    for name, step in ((PRUNED, pruning.prune), (LAZY, lazy_packages.rewrite)):
        say(name)
        step(work)
        deployed = shutil.copytree(work, folder / "deployed")
        bytecode.compile_dependencies(deployed, python)
        made.append(_stage(name, deployed, ours, folder))
        shutil.rmtree(deployed)
    built = _measured(BUILT, lambda_package.build_package(ARCH), folder)
    return [*made, built, Stage(PRIMED, built.tree, built.unpacked_mb, built.zipped_mb)]


def _ours(folder: Path) -> Path:
    for name, path in lambda_package.our_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    (folder / lambda_package.PACKAGE / "collector.py").write_text(TIRELESS)
    return folder


def _stage(name: str, dependencies: Path, ours: Path, folder: Path) -> Stage:
    with_ours = shutil.copytree(dependencies, folder / "with-ours")
    shutil.copytree(ours, with_ours, dirs_exist_ok=True)
    zipped = folder / "package.zip"
    archive.write(with_ours, zipped)
    shutil.rmtree(with_ours)
    return _measured(name, zipped, folder)


def _measured(name: str, zipped: Path, folder: Path) -> Stage:
    tree = folder / "trees" / "".join(letter for letter in name if letter.isalpha())
    return Stage(name, unpack(zipped, tree), unpacked_size(zipped) / 1e6, zipped.stat().st_size / 1e6)
