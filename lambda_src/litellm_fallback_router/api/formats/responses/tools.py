"""Tools, and the choice among them, as chat requests have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ....routing.errors import invalid, shown
from ....routing.request import wrong_type
from ..notes import Notes, text_of

NAMESPACE_SEPARATOR = "__"
"""Between a namespace and a tool's name, where tools have no namespaces."""
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_FUNCTION = ("name", "description", "parameters", "strict")
CALLABLE = ("function", "custom")
ALLOWED = "allowed_tools"


class Tools:
    """The tools of one request in a chat's form, and how the names in its answer are read back."""

    def __init__(self, given: Sequence[Mapping[str, Any]], notes: Notes) -> None:
        """Raises InvalidRequestError."""
        self._notes = notes
        self.made: list[dict[str, Any]] = []
        self._places: list[str] = []
        self._namespaces: dict[str, tuple[str, str]] = {}
        for index, tool in enumerate(given):
            self._add(tool, f"tools[{index}]")

    def called(self, name: str) -> dict[str, str]:
        """A called tool's `name`, and its `namespace` where it has one."""
        if name not in self._namespaces:
            return {"name": name}
        namespace, own = self._namespaces[name]
        return {"name": own, "namespace": namespace}

    def choice(self, choice: Any) -> Any:
        """`tool_choice`. Tools that may not be called are left out. Raises InvalidRequestError."""
        if isinstance(choice, str):
            return choice
        kind = choice.get("type")
        if kind in CALLABLE:
            return {"type": kind, kind: {"name": _name(choice, "tool_choice")}}
        if kind == ALLOWED:
            return self._allowed(choice)
        self._notes.pin("tool_choice", f"a choice of type '{shown(str(kind))[:40]}'")
        return "auto"

    def _allowed(self, choice: Mapping[str, Any]) -> Any:
        path = "tool_choice.tools"
        if choice.get("mode") not in ("auto", "required"):
            raise invalid("Supported values are: 'auto', 'required'.", "tool_choice.mode", "invalid_value")
        if not isinstance(allowed := choice.get("tools"), list) or not all(isinstance(one, dict) for one in allowed):
            raise wrong_type(path, "an array of tools", choice.get("tools"))
        if any(one.get("type") not in CALLABLE for one in allowed):
            self._notes.pin(path, "a choice among built-in tools")
            return "auto"
        names = {(one["type"], _name(one, f"{path}[{index}]")) for index, one in enumerate(allowed)}
        kept = []
        for tool, place in zip(self.made, self._places, strict=True):
            if (tool["type"], tool[tool["type"]]["name"]) in names:
                kept.append(tool)
            else:
                self._notes.say(f"{place} left out (not among tool_choice.tools)")
        if not kept:
            raise invalid("It names none of 'tools'.", path, "invalid_value")
        self.made = kept
        return choice["mode"]

    def _add(self, tool: Mapping[str, Any], path: str, namespace: str = "") -> None:
        kind = tool.get("type")
        if kind == "namespace" and not namespace:
            self._add_namespace(tool, path)
            return
        if kind not in CALLABLE:
            self._notes.pin(path, f"a tool of type '{shown(str(kind))[:40]}'")
            return
        made = self._function(tool, path) if kind == "function" else self._custom(tool, path)
        if namespace:
            own = made["name"]
            made["name"] = f"{namespace}{NAMESPACE_SEPARATOR}{own}"
            self._namespaces[made["name"]] = namespace, own
        self.made.append({"type": kind, kind: made})
        self._places.append(path)

    def _add_namespace(self, tool: Mapping[str, Any], path: str) -> None:
        name, inner = _name(tool, path), tool.get("tools")
        if not isinstance(inner, list) or not all(isinstance(one, dict) for one in inner):
            raise wrong_type(f"{path}.tools", "an array of tools", inner)
        self._notes.say(f"{path} sent as tools named {shown(name)}{NAMESPACE_SEPARATOR}...")
        self._notes.drop_rest(tool, {"type", "name", "tools"}, path)
        for index, one in enumerate(inner):
            self._add(one, f"{path}.tools[{index}]", name)

    def _function(self, tool: Mapping[str, Any], path: str) -> dict[str, Any]:
        _name(tool, path)
        if tool.get("parameters") is not None and not isinstance(tool["parameters"], dict):
            raise wrong_type(f"{path}.parameters", "an object", tool["parameters"])
        self._callers(tool, path)
        self._notes.drop_rest(tool, {"type", "allowed_callers", *_FUNCTION}, path)
        return {name: tool[name] for name in _FUNCTION if tool.get(name) is not None}

    def _custom(self, tool: Mapping[str, Any], path: str) -> dict[str, Any]:
        _name(tool, path)
        self._callers(tool, path)
        self._notes.drop_rest(tool, {"type", "allowed_callers", "name", "description", "format"}, path)
        made = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
        given = tool.get("format")
        if given is not None and not isinstance(given, dict):
            raise wrong_type(f"{path}.format", "an object", given)
        if given is not None and given.get("type") == "grammar":
            grammar = {name: value for name, value in given.items() if name != "type"}
            made["format"] = {"type": "grammar", "grammar": grammar}
        elif given is not None:
            made["format"] = given
        return made

    def _callers(self, tool: Mapping[str, Any], path: str) -> None:
        """Who may call it; a program at OpenAI may be one."""
        if (callers := tool.get("allowed_callers")) is None:
            return
        if not isinstance(callers, list) or "direct" not in callers:
            self._notes.pin(f"{path}.allowed_callers", "a tool for programs")
        elif len(callers) > 1:
            self._notes.drop(f"{path}.allowed_callers")


def _name(owner: Mapping[str, Any], path: str) -> str:
    name = text_of(owner, "name", path)
    if not NAME.fullmatch(name):
        raise invalid(f"Invalid '{path}.name': expected {NAME.pattern}.", f"{path}.name", "invalid_value")
    return name
