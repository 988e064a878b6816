"""Packages that only re-export give the same names, and load no more than what is asked of them."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.engine import reexports

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
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Packages `animals` and `animals.zoo`, both of which re-export."""
    package = tmp_path / "animals"
    (package / "zoo").mkdir(parents=True)
    (package / "__init__.py").write_text(EXPORTS)
    (package / "cat.py").write_text("class Cat: pass")
    (package / "dog.py").write_text("class Dog: pass\nPUPPY = 1")
    (package / "zoo" / "__init__.py").write_text("from .keeper import Keeper")
    (package / "zoo" / "keeper.py").write_text("class Keeper: pass")
    monkeypatch.setattr(reexports, "ROOTS", ("animals",))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in loaded():
        del sys.modules[name]


def loaded() -> list[str]:
    return sorted(name for name in sys.modules if f"{name}.".startswith("animals."))


@pytest.mark.parametrize(
    ("statement", "modules"),
    [
        ("from animals import PUPPY, Dog", ["animals", "animals.dog"]),
        ("import animals; animals.Keeper", ["animals", "animals.zoo", "animals.zoo.keeper"]),
        ("import animals.zoo", ["animals", "animals.zoo"]),
        ("from animals.zoo import Keeper", ["animals", "animals.zoo", "animals.zoo.keeper"]),
    ],
)
def test_only_the_module_of_the_name_asked_for_is_loaded(tree: Path, statement: str, modules: list[str]) -> None:
    with reexports.on_demand():
        exec(statement, {})  # noqa: S102 - one of the above
    assert loaded() == modules


def test_after_the_import_modules_names_and_their_absence_are_as_ever(tree: Path) -> None:
    finders = [*sys.meta_path]
    with reexports.on_demand():
        animals = import_module("animals")
    assert sys.meta_path == finders
    assert animals.cat.Cat is animals.Cat
    assert animals.zoo.keeper.__name__ == "animals.zoo.keeper"
    everything: dict[str, Any] = {}
    exec("from animals import *", everything)  # noqa: S102 - as a program may
    assert everything.keys() >= {"Cat", "Dog", "PUPPY", "Keeper"}
    assert {"Cat", "Dog", "PUPPY", "Keeper"} <= set(dir(animals))
    assert not hasattr(animals, "Cow")
    assert not hasattr(animals, "__wrapped__")
    assert inspect.getsource(animals).startswith("# Generated")
    assert pickle.dumps(animals.Cat)


@pytest.mark.parametrize(
    "more",
    [
        "print('hello')",
        "OPEN = True",
        "class Cow: pass",
        "from .cat import Cat as Tiger",
        "from .cat import cat",
        "from .dog import *",
        "import sys",
        "from sys import path",
        "from . import cat",
    ],
)
def test_a_package_that_does_more_is_run_as_it_is(tree: Path, more: str) -> None:
    (tree / "animals" / "cat.py").write_text("class Cat: pass\ncat = Cat()")
    (tree / "animals" / "__init__.py").write_text(f"{EXPORTS}{more}\n")
    with reexports.on_demand():
        import_module("animals")
    assert loaded() == ["animals", "animals.cat", "animals.dog", "animals.zoo", "animals.zoo.keeper"]


def test_openais_packages_only_re_export() -> None:
    """Otherwise all of them are loaded again, in every process."""
    for root in reexports.ROOTS:
        spec = find_spec(root)
        assert spec is not None
        assert isinstance(spec.loader, SourceFileLoader)
        code = spec.loader.get_code(root)
        assert code is not None
        assert len(reexports.homes_of(code, root) or ()) > 50
