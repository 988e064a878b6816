"""What no package may be, and that the list of what is left out stays true."""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench import cold_trees
from infra import package_checks, pruning
from infra.bytecode import PYTHON
from infra.function import HANDLER, RUNTIME, _adapter_environment
from infra.lambda_package import PACKAGE, SOURCES, START
from infra.package_checks import UnfitPackageError, check
from litellm_fallback_router import collector
from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT

AMD64 = b"\x7fELF" + bytes(14) + b"\x3e\x00"
OURS = {"app/main.py": b"", "app/__pycache__/main.cpython-313.pyc": b""}


def zipped(folder: Path, files: Mapping[str, bytes]) -> Path:
    package = folder / "package.zip"
    with ZipFile(package, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return package


def test_a_sound_package_passes(tmp_path: Path) -> None:
    check(zipped(tmp_path, {**OURS, "lib/fast.so": AMD64}), "x86_64", ["app/main.py", "app/py.typed"])


@pytest.mark.parametrize(
    ("files", "arch", "complaint"),
    [
        ({**OURS, "litellm_init.pth": b"import os"}, "x86_64", r"litellm_init\.pth, which Python would run"),
        ({**OURS, "lib/fast.so": AMD64}, "arm64", r"lib/fast\.so was not built for arm64"),
        ({**OURS, "lib/fast.so": b"text"}, "x86_64", r"lib/fast\.so was not built for x86_64"),
        ({"app/main.py": b""}, "x86_64", r"app/main\.py has no bytecode for Python 3\.13"),
        ({"app/main.py": b"", "app/__pycache__/main.cpython-312.pyc": b""}, "x86_64", "has no bytecode"),
    ],
)
def test_an_unfit_package_is_refused(tmp_path: Path, files: dict[str, bytes], arch: str, complaint: str) -> None:
    with pytest.raises(UnfitPackageError, match=complaint):
        check(zipped(tmp_path, files), arch, ["app/main.py"])


def test_a_package_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_checks, "MOST_UNPACKED", 1_000_000)
    with pytest.raises(UnfitPackageError, match="takes 2 MB unpacked; at most 1 MB"):
        check(zipped(tmp_path, {**OURS, "big.json": bytes(2_000_000)}), "x86_64", ["app/main.py"])


def test_an_entry_that_matches_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "DISTRIBUTIONS", {"gone"})
    with pytest.raises(pruning.StaleListError, match="'gone' is not installed"):
        pruning.prune(tmp_path)
    monkeypatch.setattr(pruning, "DISTRIBUTIONS", set())
    monkeypatch.setattr(pruning, "EVERYWHERE", ("*.gone",))
    with pytest.raises(pruning.StaleListError, match=r"nothing matches '\*\.gone'"):
        pruning.prune(tmp_path)


def test_every_aws_service_the_gateway_calls_is_kept() -> None:
    called = set[str]()
    for module in (SOURCES / PACKAGE).rglob("*.py"):
        if pruning.belongs_in_lambda(module.relative_to(SOURCES / PACKAGE).as_posix()):
            called |= set(re.findall(r"(?:client|resource)\(\s*\"([a-z0-9-]+)\"", module.read_text()))
    assert "secretsmanager" in called
    assert called <= pruning.BOTOCORE_DATA


def test_the_function_runs_the_python_that_the_bytecode_is_for() -> None:
    assert RUNTIME.name == f"python{PYTHON}"
    assert f"exec python{PYTHON} " in (SOURCES / START).read_text()


def test_the_function_names_the_doors_that_the_package_has() -> None:
    variables = _adapter_environment(snapstart=True)
    assert variables["AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH"] == BEFORE_CHECKPOINT
    assert variables["AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH"] == AFTER_RESTORE
    module = HANDLER.removesuffix(".handler").replace(".", "/")
    assert "def handler(" in (SOURCES / f"{module}.py").read_text()


def test_what_stands_in_for_the_collector_in_a_measurement_has_its_names(tmp_path: Path) -> None:
    module = tmp_path / "collector.py"
    module.write_text(cold_trees.TIRELESS)
    ours = {name for name, one in vars(collector).items() if getattr(one, "__module__", "") == collector.__name__}
    assert set(runpy.run_path(str(module))["__all__"]) == ours == {"gc_paused"}
