"""Custom tools, which take free text, for APIs that have functions alone: each is sent as a function of one string, and
its calls in the answer are calls of the custom tool again. The tool's grammar is not enforced there, so
the function's schema describes it.

Source: OpenAI, "Function calling", on custom tools; no other API has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from ..failures import unfit
from ..request import MessageFeatures
from ..types import ChatRequest, Deployment, Message
from .postprocess import Choices, ChunkPostprocessor

FIELD = "input"
"""The function's one parameter."""


@dataclass(frozen=True, slots=True)
class AsFunctions:
    """A request without custom tools, and what that means."""

    request: ChatRequest
    adjusted: tuple[str, ...]
    restored: FreeText


def with_functions(deployment: Deployment, request: ChatRequest, features: MessageFeatures) -> AsFunctions | None:
    """None: it has no custom tools, or the deployment takes them."""
    tools: Sequence[Mapping[str, Any]] = request.params.get("tools") or ()
    named = [(index, tool["custom"]) for index, tool in enumerate(tools) if tool.get("type") == "custom"]
    if not (named or features.custom_calls) or _takes_them(deployment, request):
        return None
    adjusted = [f'tools[{index}] sent as a function of one string, "{FIELD}"' for index, _ in named]
    adjusted += [f"tools[{index}].custom.format told to the model" for index, tool in named if _grammar(tool)]
    if features.custom_calls:
        adjusted.append("calls of custom tools sent as calls of functions")
    params = dict(request.params)
    if named:
        params["tools"] = [_function(tool["custom"]) if tool.get("type") == "custom" else tool for tool in tools]
    choice = params.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") == "custom":
        params["tool_choice"] = {"type": "function", "function": choice.get("custom")}
    messages = [_message(message) for message in request.messages]
    restored = FreeText(frozenset(str(tool.get("name")) for _, tool in named))
    return AsFunctions(replace(request, messages=messages, params=params), tuple(adjusted), restored)


def _takes_them(deployment: Deployment, request: ChatRequest) -> bool:
    if deployment.openai_compatible:
        # What came as a chat reaches other servers as it came; what did not is written for them here, and most of
        # them take functions alone (vLLM's `ChatCompletionToolsParam`).
        return request.native is None
    return deployment.profile.dialect.custom_tools


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string"}
    if told := _grammar(tool):
        text["description"] = told
    schema = {"type": "object", "properties": {FIELD: text}, "required": [FIELD], "additionalProperties": False}
    described = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
    return {"type": "function", "function": {**described, "parameters": schema}}


def _grammar(tool: Mapping[str, Any]) -> str:
    """The sentence about the form of the text, for the function's schema; empty where any form will do."""
    form = tool.get("format")
    grammar = form.get("grammar") if isinstance(form, Mapping) else None
    if not isinstance(grammar, Mapping):
        return ""
    return f"Text that this {grammar.get('syntax')} grammar describes:\n{grammar.get('definition')}"


def _message(message: Message) -> Message:
    calls = message.get("tool_calls")
    if not calls or all(call.get("type") != "custom" for call in calls):
        return message
    return {**message, "tool_calls": [_call(call) if call.get("type") == "custom" else call for call in calls]}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    custom = call["custom"]
    function = {"name": custom["name"], "arguments": json.dumps({FIELD: custom["input"]})}
    rest = {name: value for name, value in call.items() if name not in ("type", "custom")}
    return {**rest, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class FreeText:
    """Postprocessor: calls of the functions that stand for custom tools are calls of custom tools again."""

    names: frozenset[str]

    def whole(self, choices: Choices) -> Choices:
        return [{**choice, "message": self._message(choice)} for choice in choices]

    def stream(self) -> ChunkPostprocessor:
        return _Stream(self)

    def stands_for_custom(self, call: Mapping[str, Any]) -> bool:
        return (call.get("function") or {}).get("name") in self.names

    def restored(self, call: Mapping[str, Any], *, cut: bool) -> dict[str, Any]:
        """Raises ProviderFailure where a call that was not `cut` has no text."""
        function = call["function"]
        rest = {name: value for name, value in call.items() if name not in ("type", "function")}
        text = _text(function.get("arguments") or "", cut=cut)
        return {**rest, "type": "custom", "custom": {"name": function["name"], "input": text}}

    def _message(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = choice["message"]
        if not (calls := message.get("tool_calls")):
            return message
        cut = choice.get("finish_reason") == "length"
        return {
            **message,
            "tool_calls": [self.restored(call, cut=cut) if self.stands_for_custom(call) else call for call in calls],
        }


@dataclass(slots=True)
class _Stream:
    """Holds a custom tool's call back until it is whole: until then it can still come from elsewhere."""

    owner: FreeText
    held: dict[int, dict[int, dict[str, Any]]] = field(default_factory=dict)
    """By choice, then by the call's index."""

    def chunk(self, choices: Choices) -> Choices:
        out = [self._choice(choice) for choice in choices]
        return [choice for choice in out if choice["finish_reason"] or any(choice["delta"].values())]

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        held = self.held.setdefault(choice.get("index", 0), {})
        delta = choice["delta"]
        passed = [call for call in delta.get("tool_calls") or () if not self._holds(call, held)]
        if choice["finish_reason"]:
            cut = choice["finish_reason"] == "length"
            passed += [self.owner.restored(call, cut=cut) for call in held.values()]
            held.clear()
        rest = {name: value for name, value in delta.items() if name != "tool_calls"}
        return {**choice, "delta": {**rest, "tool_calls": passed} if passed else rest}

    def _holds(self, call: dict[str, Any], held: dict[int, dict[str, Any]]) -> bool:
        index = call.get("index", 0)
        if index in held:
            function = held[index]["function"]
            function["arguments"] += (call.get("function") or {}).get("arguments") or ""
        elif self.owner.stands_for_custom(call):
            function = call["function"]
            held[index] = {**call, "function": {**function, "arguments": function.get("arguments") or ""}}
        else:
            return False
        return True


def _text(arguments: str, *, cut: bool) -> str:
    try:
        said = from_json(arguments or "{}", allow_partial="trailing-strings" if cut else False)
    except ValueError:
        said = None
    text = said.get(FIELD) if isinstance(said, dict) else None
    if isinstance(text, str):
        return text
    if cut:
        return ""
    raise unfit("it called a custom tool without a text for it")
