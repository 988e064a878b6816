"""Packages that do nothing but re-export, imported name by name.

`openai/types/__init__.py` and `openai/resources/__init__.py` import every class of OpenAI's API (assistants, realtime,
administration, evaluations): 450 modules that nothing here asks for, 10 MB and a tenth of LiteLLM's import. The names
of such a package are noted instead, and each is imported when it is first asked for, by the module attribute that PEP
562 is for. The Lambda package holds these files rewritten to the same effect (`infra/lazy_packages.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

ROOTS = ("openai.types", "openai.resources")
"""Of these packages, and those inside them, what only re-exports is imported name by name."""


@contextmanager
def on_demand() -> Iterator[None]:
    """Packages of ROOTS that are first imported inside load what is asked of them only, then and later."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(tuple(f"{root}." for root in ROOTS)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.submodule_search_locations is None or type(spec.loader) is not SourceFileLoader:
            return spec
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        homes = None if code is None else homes_of(code, module.__name__)
        if homes is None:
            super().exec_module(module)
            return
        module.__dict__["__all__"] = sorted(homes)
        module.__dict__["__getattr__"] = _getter(module, homes)
        module.__dict__["__dir__"] = lambda: sorted({*vars(module), *homes})


def _getter(module: ModuleType, homes: Mapping[str, str]) -> Callable[[str], Any]:
    package = module.__name__

    def get(name: str) -> Any:
        if (home := homes.get(name)) is not None:
            value = getattr(import_module(home), name)
        elif not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(module, name, value)
        return value

    return get


def homes_of(code: CodeType, package: str) -> dict[str, str] | None:
    """Exported name -> the module it comes from, of a package's `__init__`; None where that does anything else."""

    def note(name: str, _: Any = None, __: Any = None, names: Sequence[str] | None = (), level: int = 0) -> Any:
        if name == "__future__":
            return import_module(name)
        if level != 1 or not name or not names or "*" in names:
            raise _MoreThanReexportsError
        return _Noted(f"{package}.{name}", names)

    found: dict[str, Any] = {"__builtins__": {"__import__": note}}
    try:
        # Nothing else can be reached from inside: what is more than an import of names ends in an exception.
        exec(code, found)  # noqa: S102 - the package's own code, which would be run as it is otherwise
    except Exception:  # noqa: BLE001 - whatever it does, it is more than that
        return None
    homes = {name: value.home for name, value in found.items() if isinstance(value, _Name) and value.name == name}
    others = {name for name in found.keys() - homes if not name.startswith("__") and name != "annotations"}
    # A name that is a module's too would mean one or the other, by what was imported first.
    ambiguous = any(f"{package}.{name}" in homes.values() for name in homes)
    return None if others or ambiguous or not homes else homes


class _MoreThanReexportsError(Exception):
    pass


class _Name:
    """Stands for a name that was imported."""

    __slots__ = ("home", "name")

    def __init__(self, home: str, name: str) -> None:
        self.home = home
        self.name = name


class _Noted:
    """Stands for a module that names were imported from."""

    def __init__(self, home: str, names: Sequence[str]) -> None:
        for name in names:
            setattr(self, name, _Name(home, name))
