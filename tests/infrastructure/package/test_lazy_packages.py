"""Packages that only re-export give the same names, and load no more than what is asked of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra import lazy_packages
from infra.pruning import StaleListError
from tests.support.packaged import environment

EXPORTS = """# Generated.
from __future__ import annotations

from .cat import Cat as Cat
from .dog import (
    Dog as Dog,
    PUPPY,
)
from .zoo.keeper import Keeper
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages `animals`, one inside the other."""
    package = tmp_path / "animals"
    (package / "zoo").mkdir(parents=True)
    (package / "__init__.py").write_text(EXPORTS)
    (package / "cat.py").write_text("class Cat: pass")
    (package / "dog.py").write_text("class Dog: pass\nPUPPY = 1")
    (package / "zoo" / "__init__.py").write_text("from .keeper import Keeper")
    (package / "zoo" / "keeper.py").write_text("class Keeper: pass")
    monkeypatch.setattr(lazy_packages, "ROOTS", ("animals",))
    return tmp_path


def said(tree: Path, code: str) -> str:
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tree)!r}); {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


LOADED = "print(*sorted(name for name in sys.modules if name.startswith('animals')))"


def test_only_the_module_of_the_name_asked_for_is_loaded(tree: Path) -> None:
    lazy_packages.rewrite(tree)
    assert said(tree, f"from animals import PUPPY, Dog; {LOADED}") == "animals animals.dog"
    assert said(tree, f"import animals; animals.Keeper; {LOADED}") == "animals animals.zoo animals.zoo.keeper"
    assert said(tree, f"import animals.zoo; {LOADED}") == "animals animals.zoo"


def test_modules_names_and_their_absence_are_as_before(tree: Path) -> None:
    lazy_packages.rewrite(tree)
    assert said(tree, "import animals; print(animals.cat.Cat is animals.Cat)") == "True"
    assert said(tree, "from animals import *; print(Cat.__module__, PUPPY)") == "animals.cat 1"
    assert said(tree, "import animals; print({'Cat', 'Dog', 'PUPPY', 'Keeper'} <= set(dir(animals)))") == "True"
    assert said(tree, "import animals; print(hasattr(animals, 'Cow'))") == "False"


@pytest.mark.parametrize(
    "more", ["print('hello')", "from .cat import Cat as Tiger", "from .cat import cat", "from elsewhere import Cow"]
)
def test_a_listed_package_that_comes_to_do_more_stops_the_build(tree: Path, more: str) -> None:
    (tree / "animals" / "__init__.py").write_text(f"{EXPORTS}{more}\n")
    with pytest.raises(StaleListError, match="animals"):
        lazy_packages.rewrite(tree)


def test_a_package_inside_that_does_more_stays_as_it_is(tree: Path) -> None:
    inside = tree / "animals" / "zoo" / "__init__.py"
    inside.write_text("OPEN = True")
    lazy_packages.rewrite(tree)
    assert inside.read_text() == "OPEN = True"


EVERY_NAME = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import openai
packages = [importlib.import_module(root) for root in ("openai.types", "openai.resources")]
for package in list(packages):
    inside = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    packages += [importlib.import_module(module.name) for module in inside if module.ispkg]
lazy = [package for package in packages if hasattr(package, "_HOMES")]
names = [getattr(package, name).__class__.__name__ for package in lazy for name in package.__all__]
print(json.dumps([len(lazy), len(names)]))
"""


def test_every_name_of_openais_packages_is_found_in_the_built_package(unpacked: Path, python: Path) -> None:
    command = [str(python), "-I", "-c", EVERY_NAME, str(unpacked)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-4000:]
    packages, names = json.loads(done.stdout)
    assert packages > 50
    assert names > 1500
