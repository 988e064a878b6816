"""The Lambda package: a zip of locked wheels and our code, with bytecode, built without Docker.

    python -m infra.lambda_package --arch arm64

The dependencies are built once per lock file, our code is added in about a second, and an unchanged tree builds
nothing at all. The same inputs give the same bytes. AgentCore's tools have a package of their own: the gateway's, with
their code beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from zipfile import ZipFile

import uv
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from . import archive, bytecode, lazy_packages, package_checks, pruning
from .bytecode import InterpreterMissingError
from .package_checks import UnfitPackageError
from .pruning import StaleListError

Arch = Literal["arm64", "x86_64"]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "lambda_src"
LOCK = SOURCES / "requirements.txt"
CACHE = ROOT / "build" / "lambda"
PACKAGE = "litellm_fallback_router"
AGENT_TOOLS = "fallback_router_agentcore"
"""What only the function for AgentCore runs: a folder of the repository, and of that function's package."""
START = "run.sh"
MAPPING = "mapping"
"""A mapping of the user's own lies in the package under this name, with its own suffix."""

PLATFORMS: Mapping[Arch, str] = {
    # LiteLLM's wheels need glibc 2.28; Lambda's Amazon Linux 2023 has 2.34.
    "arm64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
}


BUILDER = ("archive.py", "bytecode.py", "lambda_package.py", "lazy_packages.py", "package_checks.py", "pruning.py")
KEPT = 6
"""Builds of a kind that stay in the cache: other branches, other mappings, with and without AgentCore's tools."""
LISTED = 12
"""Parts of the package that the report names."""


class BuildError(Exception):
    """The package could not be built. The text says why, and what to do."""


def build_package(
    arch: Arch = "arm64",
    *,
    mapping: Path | None = None,
    agent_tools: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> Path:
    """The zip file for Lambda, built where it is not there yet; fit for `lambda.Code.from_asset`.

    `mapping` is put beside the code as `mapping.yaml` (or `.json`), for `ROUTER_CONFIG` to name.
    With `agent_tools` it is the package of the function for AgentCore.
    Raises BuildError, InterpreterMissingError, StaleListError and UnfitPackageError.
    """
    files = our_files(mapping, agent_tools=agent_tools)
    package = CACHE / f"package-{arch}-{_digest(_dependency_inputs(arch), files)}.zip"
    if package.exists():
        package.touch()
        return package
    python = bytecode.find_interpreter()
    dependencies = _dependencies(arch, python, progress)
    progress("adding our code")
    with TemporaryDirectory(dir=CACHE) as folder:
        tree, unchecked = Path(folder, "tree"), Path(folder, "package.zip")
        for name, path in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, tree / name)
        bytecode.compile_ours(tree, python)
        archive.write(tree, unchecked, base=dependencies)
        package_checks.check(unchecked, arch, files)
        unchecked.replace(package)
    _forget_old(f"package-{arch}-*.zip")
    return package


def our_files(mapping: Path | None = None, *, agent_tools: bool = False) -> dict[str, Path]:
    """Name in the package -> file, of all that is ours: the code, what starts it, the mapping, AgentCore's tools."""
    package = SOURCES / PACKAGE
    modules = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
    files = {
        f"{PACKAGE}/{name}": path
        for name, path in modules.items()
        if "__pycache__" not in path.parts and pruning.belongs_in_lambda(name)
    }
    if agent_tools:
        files |= {f"{AGENT_TOOLS}/{path.name}": path for path in (ROOT / AGENT_TOOLS).glob("*.py")}
    files[START] = SOURCES / START
    if mapping is not None:
        files[MAPPING + mapping.suffix] = mapping
    return files


def _dependencies(arch: Arch, python: Path, progress: Callable[[str], None]) -> Path:
    """A zip of everything that is not ours, kept for as long as the lock file stays as it is."""
    kept = CACHE / f"dependencies-{arch}-{_digest(_dependency_inputs(arch))}.zip"
    if kept.exists():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        tree, zipped = Path(folder, "tree"), Path(folder, "dependencies.zip")
        progress("installing the locked wheels")
        install(tree, arch)
        package_checks.refuse_startup_files(path.relative_to(tree).as_posix() for path in tree.rglob("*.pth"))
        progress("leaving out what a Lambda never loads")
        pruning.prune(tree)
        progress("having packages load what is asked of them only")
        lazy_packages.rewrite(tree)
        progress(f"compiling for Python {bytecode.PYTHON}")
        bytecode.compile_dependencies(tree, python)
        progress("zipping the dependencies")
        archive.write(tree, zipped)
        zipped.replace(kept)
    _forget_old(f"dependencies-{arch}-*.zip")
    return kept


def _forget_old(pattern: str) -> None:
    newest_first = sorted(CACHE.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[KEPT:]:
        old.unlink(missing_ok=True)


def install(tree: Path, arch: Arch) -> None:
    """Put the locked wheels into `tree`, as they are. Raises BuildError."""
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps", "--target", str(tree)),
        *("--python-platform", PLATFORMS[arch], "--python-version", bytecode.PYTHON),
        # Wheels only, each with the hash that was reviewed: nothing of a package runs while it is installed.
        *("--only-binary", ":all:", "--require-hashes", "--requirements", str(LOCK)),
        # uv's own hard links would let a change below reach its cache.
        *("--link-mode", "copy"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own command
    if done.returncode:
        raise BuildError(f"The locked wheels for {arch} could not be installed:\n{done.stderr.strip()}")


def _dependency_inputs(arch: Arch) -> dict[str, Path]:
    """What decides over the dependencies' bytes."""
    return {arch: LOCK} | {name: Path(__file__).with_name(name) for name in BUILDER}


def _digest(*inputs: Mapping[str, Path]) -> str:
    """Names and contents of the files, in 16 characters."""
    digest = hashlib.sha256()
    for files in inputs:
        for name, path in sorted(files.items()):
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def report(package: Path) -> Table:
    """What takes how much room in the zip file, largest first."""
    unpacked, packed = Counter[str](), Counter[str]()
    with ZipFile(package) as opened:
        for entry in opened.infolist():
            part = entry.filename.partition("/")[0]
            unpacked[part] += entry.file_size
            packed[part] += entry.compress_size
    table = Table("part", Column("unpacked MB", justify="right"), Column("zipped MB", justify="right"))
    rows = [(name, size, packed[name]) for name, size in unpacked.most_common(LISTED)]
    others = unpacked.total() - sum(size for _, size, _ in rows), packed.total() - sum(size for _, _, size in rows)
    for name, *sizes in [*rows, (f"{len(unpacked) - len(rows)} others", *others)]:
        table.add_row(name, *(f"{size / 1e6:.1f}" for size in sizes))
    table.add_section()
    table.add_row("all", f"{unpacked.total() / 1e6:.1f}", f"{package.stat().st_size / 1e6:.1f}", style="bold")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.lambda_package", description="Builds the Lambda package.")
    parser.add_argument("--arch", choices=list(PLATFORMS), default="arm64", help="processor of the Lambda")
    parser.add_argument("--mapping", type=Path, help="a mapping to put in the package, YAML or JSON")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zip file")
    chosen = parser.parse_args()
    console = Console()
    try:
        with console.status("looking for what is built already") as status:
            package = build_package(
                chosen.arch,
                mapping=chosen.mapping,
                progress=lambda step: status.update(f"{chosen.arch}: {step}"),
            )
    except (BuildError, InterpreterMissingError, StaleListError, UnfitPackageError) as error:
        console.print(f"[red]not built:[/red] {escape(str(error))}", highlight=False)
        return 1
    console.print(report(package))
    chosen.out.mkdir(parents=True, exist_ok=True)
    copy = shutil.copyfile(package, chosen.out / f"lambda-{chosen.arch}.zip")
    console.print(f"{copy}  sha256 {hashlib.sha256(package.read_bytes()).hexdigest()}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
