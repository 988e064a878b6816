from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.lambda_package import ROOT, build_package
from local.simulator import SimulatorControl, simulator_process
from tests.support.packaged import ARCH, clean_python, install, listing, make_writable, unpack


@pytest.fixture(scope="session")
def package() -> Path:
    """The package this machine can run. Where it was built before and nothing has changed, at no cost."""
    return build_package(ARCH)


@pytest.fixture(scope="session")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tree = unpack(package, tmp_path_factory.mktemp("task"))
    before = listing(tree)
    yield tree
    after = listing(tree)
    make_writable(tree)
    assert after == before, "something was written into the package"


@pytest.fixture
def task(unpacked: Path) -> Path:
    """The unpacked package, as /var/task."""
    return unpacked


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lambda's Python, without a single package."""
    return clean_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lambda's Python with the runtime interface client."""
    python = clean_python(tmp_path_factory.mktemp("runtime"))
    install(python, ROOT / "infra" / "requirements-runtime.txt")
    return python


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorControl]:
    with simulator_process() as control:
        yield control
