"""Packages that do nothing but re-export load what is asked of them only.

`openai/types/__init__.py` and `openai/resources/__init__.py` import every class of OpenAI's API (assistants, realtime,
administration, evaluations: 900 modules); a chat needs 100 of them. Measured: 0.3 s of each start.
In the package such files import a name when it is first asked for, by the module attribute that PEP 562 is for:
`from openai.types import Completion` and `openai.types.Completion` mean what they meant.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from string import Template

from .pruning import StaleListError

ROOTS = ("openai/types", "openai/resources")
"""Of these packages, and those inside them, whatever only re-exports is rewritten."""

LAZY = Template('''"""Written by infra/lazy_packages.py: the same names, each imported when it is first asked for."""

from importlib import import_module as _import

_HOMES = $homes
__all__ = $names


def __getattr__(name):
    home = _HOMES.get(name)
    if home is not None:
        value = getattr(_import(home, __name__), name)
    elif "." + name in _HOMES.values():
        value = _import("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOMES})
''')


def rewrite(tree: Path) -> None:
    """Rewrite the packages of ROOTS in the installed dependencies in `tree`. Raises StaleListError."""
    for root in ROOTS:
        if _homes(tree / root / "__init__.py") is None:
            raise StaleListError(f"infra/lazy_packages.py: {root}/__init__.py does more than re-export by now")
        for file in (tree / root).rglob("__init__.py"):
            if homes := _homes(file):
                file.write_text(LAZY.substitute(homes=repr(homes), names=repr(sorted(homes))), encoding="utf-8")


def _homes(file: Path) -> Mapping[str, str] | None:
    """Exported name -> the module it comes from (".name"); None where the file does anything else."""
    homes: dict[str, str] = {}
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        match statement:
            case ast.ImportFrom(module="__future__") | ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                pass
            case ast.ImportFrom(module=str(module), level=1, names=names) if _keep_their_names(names):
                homes |= {alias.name: f".{module}" for alias in names}
            case _:
                return None
    # A name that is a module's too would mean one or the other, by what was imported first.
    return None if any(f".{name}" in homes.values() for name in homes) else homes


def _keep_their_names(names: list[ast.alias]) -> bool:
    return all(alias.asname in (None, alias.name) for alias in names)
