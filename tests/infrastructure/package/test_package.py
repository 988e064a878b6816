"""How the package is built."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from infra import bytecode, lambda_package, pruning
from infra.lambda_package import AGENT_TOOLS, PACKAGE, SOURCES, build_package
from tests.support.packaged import ARCH, unpacked_size


def built_again(*_: object) -> None:
    raise AssertionError("this was built already")


@pytest.fixture
def names(package: Path) -> set[str]:
    with ZipFile(package) as opened:
        return set(opened.namelist())


def test_fits_well_inside_lambdas_limits(package: Path) -> None:
    assert unpacked_size(package) < 120_000_000
    assert package.stat().st_size < 50_000_000


def test_every_module_of_ours_has_its_source_and_its_bytecode(names: set[str]) -> None:
    modules = {path.relative_to(SOURCES).as_posix() for path in (SOURCES / PACKAGE).rglob("*.py")}
    assert modules
    for module in modules:
        folder, _, name = module.rpartition("/")
        wanted = pruning.belongs_in_lambda(module.removeprefix(f"{PACKAGE}/"))
        assert (module in names) is wanted
        assert (f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-313.pyc" in names) is wanted


def test_nothing_for_evaluations_plots_policies_and_agents_is_in_it(names: set[str]) -> None:
    extras = {"matplotlib", "mpl_toolkits", "numpy", "contourpy", "kiwisolver", "PIL", "cedarpy", "aws_cdk"}
    assert {name.partition("/")[0].partition("-")[0] for name in names} & extras == set()
    ours = {"fallback_router_evaluation", AGENT_TOOLS, f"{PACKAGE}/commands"}
    assert not [name for name in names if any(name.startswith(f"{folder}/") for folder in ours)]


def test_the_package_of_the_tools_is_the_gateways_with_their_code_beside_it(names: set[str]) -> None:
    with ZipFile(build_package(ARCH, agent_tools=True)) as opened:
        tools = set(opened.namelist())
    modules = ("__init__", "calls", "handler", "tools")
    assert tools > names
    assert tools - names == {f"{AGENT_TOOLS}/{name}.py" for name in modules} | {
        f"{AGENT_TOOLS}/__pycache__/{name}.cpython-313.pyc" for name in modules
    }


def test_every_dependency_is_bytecode_only(names: set[str]) -> None:
    theirs = {name for name in names if not name.startswith(f"{PACKAGE}/")}
    assert not [name for name in theirs if name.endswith(".py")]
    assert "litellm/main.pyc" in theirs


def test_bytecode_is_never_checked_against_a_source(package: Path) -> None:
    with ZipFile(package) as opened:
        for name in ("litellm/main.pyc", f"{PACKAGE}/__pycache__/settings.cpython-313.pyc"):
            flags = int.from_bytes(opened.read(name)[4:8], "little")
            assert flags == 0b01, "by hash, unchecked (PEP 552)"


def test_only_the_start_script_may_be_run(package: Path) -> None:
    with ZipFile(package) as opened:
        modes = {entry.filename: entry.external_attr >> 16 for entry in opened.infolist()}
    assert {name for name, mode in modes.items() if mode & 0o111} == {"run.sh"}


@pytest.fixture
def copied_sources(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources that nobody else changes meanwhile. The dependencies are built already."""
    copy = tmp_path / "lambda_src"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(lambda_package, "SOURCES", copy)
    return copy


def test_an_unchanged_tree_builds_nothing(copied_sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_package(ARCH)
    monkeypatch.setattr(bytecode, "find_interpreter", built_again)
    assert build_package(ARCH) == first


def test_a_change_of_our_code_leaves_the_dependencies_alone(
    copied_sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied_sources / PACKAGE / "settings.py").write_text("CHANGED = True\n")
    monkeypatch.setattr(lambda_package, "install", built_again)
    with ZipFile(build_package(ARCH)) as opened:
        assert opened.read(f"{PACKAGE}/settings.py") == b"CHANGED = True\n"


def test_the_same_inputs_give_the_same_bytes(
    copied_sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_package(ARCH)
    monkeypatch.setattr(lambda_package, "CACHE", tmp_path / "cache")
    second = build_package(ARCH)
    assert first.read_bytes() == second.read_bytes()


def test_a_mapping_of_ones_own_lies_beside_the_code(package: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "my-chain.yaml"
    mapping.write_text("model_list: []\n")
    with ZipFile(build_package(ARCH, mapping=mapping)) as opened:
        assert opened.read("mapping.yaml") == b"model_list: []\n"


def test_the_other_processors_package_holds_the_same_modules(names: set[str], tmp_path: Path) -> None:
    other = build_package("x86_64" if ARCH == "arm64" else "arm64")
    with ZipFile(other) as opened:
        theirs = {_without_platform(name) for name in opened.namelist()}
    assert theirs == {_without_platform(name) for name in names}


def _without_platform(name: str) -> str:
    return re.sub(r"-(x86_64|aarch64)-linux-gnu", "", name)


def test_a_missing_interpreter_is_said_with_the_way_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "_installed", lambda: iter([Path("/nonexistent/python3.13")]))
    monkeypatch.setattr(bytecode, "_fetched", lambda: iter([]))
    with pytest.raises(bytecode.InterpreterMissingError, match=r"needs Python 3\.13.*apt-get install python3\.13"):
        bytecode.find_interpreter()


def test_wheels_that_cannot_be_installed_stop_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"mangum==0.22.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(lambda_package, "LOCK", lock)
    monkeypatch.setattr(lambda_package, "CACHE", tmp_path / "cache")
    with pytest.raises(lambda_package.BuildError, match=f"locked wheels for {ARCH} could not be installed"):
        build_package(ARCH)
    assert list((tmp_path / "cache").glob("**/*.zip")) == []
