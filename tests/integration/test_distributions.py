"""The three distributions: what is in each, and that the gateway works where the other two are missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import uv

from tests.support.documents import REPOSITORY

EXTRAS = {"evaluation": "fallback_router_evaluation", "agentcore": "fallback_router_agentcore"}
WITHOUT_EXTRAS = f"""
import sys
from importlib.abc import MetaPathFinder


class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(EXTRAS.values())!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
        return None


sys.meta_path.insert(0, Missing())
import litellm_fallback_router

assert litellm_fallback_router.__file__.startswith(sys.argv.pop(1)), litellm_fallback_router.__file__
from litellm_fallback_router.cli import main

main()
"""


def wheel(folder: Path, *sources: str) -> Path:
    """The wheel of a copy of those files and folders of the repository."""
    copy = folder / "copy"
    for source in sources:
        original, made = REPOSITORY / source, copy / Path(source).relative_to(sources[0] if len(sources) == 1 else ".")
        if original.is_dir():
            shutil.copytree(original, made, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
        else:
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, made)
    return build("wheel", copy, folder)


def build(kind: str, source: Path, folder: Path) -> Path:
    """`kind`: `wheel`, or `sdist`, from which pip builds the wheel where it finds none."""
    command = [uv.find_uv_bin(), "build", f"--{kind}", "--offline", "--no-build-isolation", "--quiet"]
    where = ["--python", sys.executable, "--out-dir", str(folder), str(source)]
    subprocess.run([*command, *where], check=True, timeout=120)
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def modules(built: Path) -> set[str]:
    with ZipFile(built) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("gateway"), "pyproject.toml", "README.md", "lambda_src", "local")


@pytest.fixture(scope="module")
def installed(gateway: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with ZipFile(gateway) as opened:
        opened.extractall(folder)
    return folder


def run(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`fallback-router WORDS`, from the wheel and without the extras."""
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(installed)!r})\n{WITHOUT_EXTRAS}"]
    return subprocess.run(
        [*command, str(installed), *words], cwd=installed, capture_output=True, text=True, timeout=60, check=False
    )


def test_gateways_wheel_holds_the_gateway_and_the_simulator_alone(gateway: Path) -> None:
    found = modules(gateway)
    sources = REPOSITORY / "lambda_src"
    ours = {path.relative_to(sources).as_posix() for path in sources.rglob("litellm_fallback_router/**/*.py")}
    assert ours <= found
    assert "litellm_fallback_router/py.typed" in found
    assert {name.partition("/")[0] for name in found} == {"litellm_fallback_router", "local"}


def test_gateways_sdist_gives_the_same_wheel(gateway: Path, tmp_path: Path) -> None:
    sdist = build("sdist", gateway.parent / "copy", tmp_path)
    assert modules(build("wheel", sdist, tmp_path)) == modules(gateway)


@pytest.mark.parametrize("extra", EXTRAS)
def test_wheel_of_an_extra_holds_its_package_alone(extra: str, tmp_path: Path) -> None:
    folder = REPOSITORY / EXTRAS[extra]
    built = wheel(tmp_path, EXTRAS[extra])
    sources = {path.relative_to(REPOSITORY).as_posix() for path in folder.rglob("*.py")}
    assert modules(built) == sources | {f"{EXTRAS[extra]}/py.typed"}
    assert built.name.startswith(f"litellm_fallback_router_{extra}-")


def test_gateway_answers_without_its_extras(installed: Path) -> None:
    done = run(installed, "ask", "What is the capital of France?", "--simulate")
    assert (done.returncode, "Paris" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("words", [(), ("--help",), ("run", "--dataset", "x.jsonl", "--models", "a", "--out", "b")])
def test_evaluate_without_its_extra_says_which_one_to_install(installed: Path, words: tuple[str, ...]) -> None:
    done = run(installed, "evaluate", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().splitlines() == [
        "evaluate is not installed: pip install 'litellm-fallback-router[evaluation]', or in a checkout: pip install "
        "./fallback_router_evaluation"
    ]
