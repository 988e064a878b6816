"""OpenAI's JSON mode (`response_format` of `json_object`) for models whose API has none: an instruction requests it,
and the answer is checked to be an object. Anthropic's and Bedrock's structured outputs cannot stand in for it: they
take no schema that admits any object, since each object in it must have `additionalProperties: false` (Anthropic,
"Structured outputs", limitations).

As in OpenAI's own, an answer that is cut off (`finish_reason` of `length`) is the beginning of an object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..failures import ProviderFailure, unfit
from ..types import Deployment, Message
from .json_object import NotAnObjectError, ObjectText
from .postprocess import Adapted, Choices, ChunkPostprocessor

INSTRUCTION = "Answer with one JSON object and nothing else: no code fence, no text before or after it."
BESIDE_TOOLS = f"{INSTRUCTION} Call tools as ever."
ADJUSTED = 'response_format replaced by "{}"; the answer is checked to be an object, a code fence around it removed'
SYSTEM = ("system", "developer")
NO_OBJECT = "its answer is no JSON object, which `response_format` asks for"


def with_json_mode(deployment: Deployment, request: Adapted) -> Adapted:
    """The request with an instruction in the place of a `response_format` that its API does not have."""
    wanted = request.params.get("response_format") or {}
    if wanted.get("type") != "json_object" or deployment.profile.dialect.json_mode:
        return request
    tools = bool(request.params.get("tools"))
    instruction = BESIDE_TOOLS if tools else INSTRUCTION
    return request.adapted(
        params={name: value for name, value in request.params.items() if name != "response_format"},
        messages=_instructed(request.messages, instruction),
        adjusted=ADJUSTED.format(instruction),
        postprocessor=JsonMode(tools=tools, stops=bool(request.params.get("stop"))),
    )


def _instructed(messages: list[Message], instruction: str) -> list[Message]:
    """Behind the caller's own instructions, so that what a provider has cached of those stays so."""
    own = next((at for at, message in enumerate(messages) if message.get("role") not in SYSTEM), len(messages))
    return [*messages[:own], {"role": "system", "content": instruction}, *messages[own:]]


@dataclass(frozen=True, slots=True)
class JsonMode:
    """Lets an object through, and what is no answer in words: tool calls, with the text before them, and refusals
    by a content filter."""

    tools: bool
    """Tools are offered: words may be the preface of a call."""
    stops: bool
    """Stop sequences are given: they may cut an object off."""

    def whole(self, choices: Choices) -> Choices:
        return [{**choice, "message": self._message(choice)} for choice in choices]

    def stream(self) -> ChunkPostprocessor:
        return _Stream(self)

    def check_end(self, text: ObjectText, finish_reason: str) -> None:
        """Raises NotAnObjectError where the object may not end here."""
        cut = finish_reason == "length" or (self.stops and text.begun)
        if not (text.complete or cut):
            raise NotAnObjectError

    def _message(self, choice: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = choice["message"]
        if message.get("tool_calls") or choice["finish_reason"] == "content_filter":
            return message
        text = ObjectText()
        try:
            said = text.feed(message.get("content") or "")
            self.check_end(text, choice["finish_reason"])
        except NotAnObjectError as error:
            raise _no_object() from error
        return {**message, "content": said}


@dataclass(slots=True)
class _Choice:
    text: ObjectText = field(default_factory=ObjectText)
    unsent: str = ""
    """All that came while nothing of it was sent on: the preface of a call goes on as it was."""
    is_object: bool = True
    called: bool = False


class _Stream:
    """Nothing but the beginning of an object is sent on. What turns out to be none fails at once, so that another
    candidate is tried while the caller has nothing yet; only where a tool call may follow it is held back instead."""

    def __init__(self, mode: JsonMode) -> None:
        self._mode = mode
        self._choices: dict[int, _Choice] = {}

    def chunk(self, choices: Choices) -> Choices:
        out = [self._choice(choice) for choice in choices]
        return [choice for choice in out if choice["finish_reason"] or any(choice["delta"].values())]

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        so_far = self._choices.setdefault(choice.get("index", 0), _Choice())
        delta = dict(choice["delta"])
        text = delta.pop("content", None) or ""
        so_far.called = so_far.called or bool(delta.get("tool_calls"))
        if so_far.called or choice["finish_reason"] == "content_filter":
            text, so_far.unsent = so_far.unsent + text, ""
        else:
            text = self._object(so_far, text, choice["finish_reason"])
        return {**choice, "delta": {**delta, "content": text} if text else delta}

    def _object(self, so_far: _Choice, text: str, finish_reason: str | None) -> str:
        """What may be sent on of `text` as long as no tool was called."""
        try:
            passed = so_far.text.feed(text) if so_far.is_object else ""
            if finish_reason:
                self._mode.check_end(so_far.text, finish_reason)
        except NotAnObjectError as error:
            if finish_reason or so_far.text.begun or not self._mode.tools:
                raise _no_object() from error
            so_far.is_object, passed = False, ""
        so_far.unsent = "" if so_far.text.begun or not self._mode.tools else so_far.unsent + text
        return passed


def _no_object() -> ProviderFailure:
    return unfit(NO_OBJECT)
