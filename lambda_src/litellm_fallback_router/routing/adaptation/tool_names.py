"""Names of tools as each API takes them (`Dialect`). One that does not fit is shortened, the same way every time and
never to another tool's name, wherever a request has it; the calls of the answer have the caller's name again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..types import Deployment, Message
from .postprocess import Adapted, Choices

ADJUSTED = "tool names shortened"
_HEAD = 47
_DIGEST = 16
_KINDS = ("function", "custom")


def with_fitting_names(deployment: Deployment, request: Adapted) -> Adapted:
    """The request with names that its API takes."""
    fits = deployment.profile.dialect.tool_names
    if fits is None:
        return request
    names = ToolNames.of(request.messages, request.params, fits)
    if not names.sent:
        return request
    return request.adapted(
        params=names.in_params(request.params),
        messages=names.in_messages(request.messages),
        adjusted=ADJUSTED,
        postprocessor=NamesRestored(names),
    )


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The names of one request that an API does not take as they are."""

    sent: Mapping[str, str]
    """The caller's name -> the one that is sent."""

    @classmethod
    def of(cls, messages: Sequence[Message], params: Mapping[str, Any], fits: re.Pattern[str]) -> ToolNames:
        names = set(_names(messages, params))
        misfits = sorted(name for name in names if not fits.fullmatch(name))
        taken = {name for name in names if fits.fullmatch(name)}
        sent: dict[str, str] = {}
        for name in misfits:
            sent[name] = _shortened(name, taken)
            taken.add(sent[name])
        return cls(MappingProxyType(sent))

    def in_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`params` with the names that are sent."""
        renamed = dict(params)
        if tools := params.get("tools"):
            renamed["tools"] = [self._named_inside(tool) for tool in tools]
        if functions := params.get("functions"):
            renamed["functions"] = [self._named(function) for function in functions]
        for field in ("tool_choice", "function_call"):
            if isinstance(choice := params.get(field), Mapping):
                renamed[field] = self._choice(choice)
        return renamed

    def in_messages(self, messages: Iterable[Message]) -> list[Message]:
        """`messages` with the names that are sent."""
        return [self._message(message) for message in messages]

    def _message(self, message: Message) -> Message:
        if message.get("role") == "function":
            return self._named(message)
        changed: dict[str, Any] = {}
        if calls := message.get("tool_calls"):
            changed["tool_calls"] = [self._named_inside(call) for call in calls]
        if isinstance(call := message.get("function_call"), Mapping):
            changed["function_call"] = self._named(call)
        return {**message, **changed} if changed else message

    def _choice(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        renamed = self._named(self._named_inside(choice))
        if isinstance(allowed := choice.get("allowed_tools"), Mapping) and isinstance(allowed.get("tools"), list):
            tools = [self._named_inside(tool) if isinstance(tool, Mapping) else tool for tool in allowed["tools"]]
            renamed["allowed_tools"] = {**allowed, "tools": tools}
        return renamed

    def _named_inside(self, owner: Mapping[str, Any]) -> dict[str, Any]:
        inner = {kind: self._named(owner[kind]) for kind in _KINDS if isinstance(owner.get(kind), Mapping)}
        return {**owner, **inner}

    def _named(self, owner: Mapping[str, Any]) -> dict[str, Any]:
        name = owner.get("name")
        return {**owner, "name": self.sent[name]} if isinstance(name, str) and name in self.sent else dict(owner)


@dataclass(frozen=True, slots=True)
class NamesRestored:
    """Postprocessor: the calls of an answer have the caller's names. A name comes whole, in its call's first chunk."""

    names: ToolNames

    def whole(self, choices: Choices) -> Choices:
        return [{**choice, "message": self._back.in_messages([choice["message"]])[0]} for choice in choices]

    def stream(self) -> NamesRestored:
        return self

    def chunk(self, choices: Choices) -> Choices:
        return [{**choice, "delta": self._back.in_messages([choice["delta"]])[0]} for choice in choices]

    @property
    def _back(self) -> ToolNames:
        return ToolNames({sent: name for name, sent in self.names.sent.items()})


def _names(messages: Sequence[Message], params: Mapping[str, Any]) -> Iterator[str]:
    called = [call for message in messages for call in message.get("tool_calls") or ()]
    holders = [owner.get(kind) for owner in (*called, *(params.get("tools") or ())) for kind in _KINDS]
    holders += [message.get("function_call") for message in messages]
    holders += [message for message in messages if message.get("role") == "function"]
    holders += params.get("functions") or ()
    for holder in holders:
        if isinstance(holder, Mapping) and isinstance(name := holder.get("name"), str):
            yield name


def _shortened(name: str, taken: set[str]) -> str:
    head = re.sub(r"[^a-zA-Z0-9_-]", "_", name[:_HEAD])
    if not re.match(r"[a-zA-Z]", head):
        head = f"t{head}"[:_HEAD]
    seed = name.encode("utf-8", "surrogatepass")
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(seed + b"\0" * attempt).hexdigest()[:_DIGEST]
        if (short := f"{head}_{digest}") not in taken:
            break
    return short
