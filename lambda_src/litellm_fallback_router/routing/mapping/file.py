"""Reads the file that `ROUTER_CONFIG` names: a mapping of ours or LiteLLM's `config.yaml`, YAML or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..errors import ConfigurationError

_MAX_BYTES = 5_000_000
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


def read_mapping(path: str | Path) -> Any:
    """The file's content, for `load_config`. `.json` is read as JSON, everything else as YAML (of which
    JSON is a part).

    Raises ConfigurationError that names the file, and line and column where it is not well-formed.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        _fail(file, f"cannot be read ({error.strerror}); check ROUTER_CONFIG")
    if len(data) > _MAX_BYTES:
        _fail(file, f"larger than {_MAX_BYTES:,} bytes; is this the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail(file, f"not UTF-8 at byte {error.start}")
    try:
        return _json(text, file) if file.suffix.lower() == ".json" else _yaml(text, file)
    except RecursionError:
        _fail(file, "nested too deeply")
    except ValueError:
        _fail(file, "holds a number that cannot be read; put it in quotes if it is text")


def _json(text: str, file: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        _fail(file, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except _DuplicateKeyError as error:
        _fail(file, str(error))


def _yaml(text: str, file: Path) -> Any:
    try:
        # The loader is SafeLoader with less: it builds plain data only.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # What stands in quotes may be the file's own text, and that may be a key.
        problem = _QUOTED.sub(_hidden, error.problem or "not well-formed")
        hint = "; indent with spaces, not tabs" if "\\t" in problem else ""
        _fail(file, f"{where}{problem}{hint}")
    except yaml.YAMLError:
        _fail(file, "not text: it holds characters that YAML does not allow")
    except _DuplicateKeyError as error:
        _fail(file, str(error))


class _DuplicateKeyError(Exception):
    pass


class _Loader(yaml.SafeLoader):
    """Dates stay text (`api_version: 2024-10-21`), numbers are plain digits, and a key given twice is an error, not a
    lost entry."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        node = super().compose_node(parent, index)
        if node is not None and node.end_mark is None:  # it is still being read, so this is an alias inside of it
            raise yaml.MarkedYAMLError(problem="an alias stands inside of what it names", problem_mark=node.start_mark)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    line, column = key.start_mark.line + 1, key.start_mark.column + 1
                    raise _DuplicateKeyError(f"line {line}, column {column}: '{key.value}' is given twice")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_NOT_AS_PYYAML = frozenset({f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "int", "float")})
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_AS_PYYAML]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in (
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)"),
    ("tag:yaml.org,2002:float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan"),
):
    # Of YAML 1.1's numbers those that everybody reads alike: not `1_0` (10), `010` (8) or `1:30` (90).
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list("-+0123456789."))


def _hidden(quoted: re.Match[str]) -> str:
    """YAML's own words (`<block end>`) and single characters may be shown."""
    inside = quoted[1]
    return quoted[0] if len(inside) < 2 or inside.startswith(("<", "\\")) else "'...'"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(f"'{key}' is given twice in one object")
        found[key] = value
    return found


def _fail(file: Path, problem: str) -> NoReturn:
    raise ConfigurationError([f"{file.name}: {problem}"]) from None
