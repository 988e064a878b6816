"""A chat request and its answer in the simulator's own words, the same for every provider."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from local.simulator.catalogue import Model

IMAGE_TOKENS = 256


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Image:
    """An image; what it shows is not looked at."""


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: Mapping[str, Any]

    def arguments_json(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class ToolResult:
    id: str
    text: str


Part = Text | Image | ToolCall | ToolResult


@dataclass(frozen=True)
class Turn:
    """All consecutive messages of one side."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def alternating(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns with neighbours of one role joined, so that every provider's form of a conversation is equal."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = Turn(turn.role, joined[-1].parts + turn.parts)
        else:
            joined.append(turn)
    return tuple(joined)


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One accepted chat request."""

    model: Model
    turns: tuple[Turn, ...]
    stream: bool
    system: str = ""
    """Counts as prompt; changes the answer only where it demands one JSON object."""
    region: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | Tool = "auto"
    parallel: bool = True
    """Whether one answer may hold several tool calls."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the answer must satisfy; {} is any JSON object."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    logprobs: int | None = None
    """Alternatives wanted per token; None is no log probabilities."""
    thinking: bool = False
    """Whether the model shows what it thinks before it answers (Claude)."""
    web_search: bool = False
    """Whether the provider may look something up in the web for it."""
    include_usage: bool = False
    """OpenAI: whether a stream ends with a usage chunk."""

    @property
    def prompt_tokens(self) -> int:
        return prompt_tokens(self.turns, self.system, self.tools)


Finish = Literal["stop", "stop_sequence", "length", "tool_calls", "content_filter", "paused"]


@dataclass(frozen=True)
class Answer:
    """The model's answer to the result of a call."""

    prompt_tokens: int
    thinking: str = ""
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = field(default=())
    finish: Finish | None = "stop"
    """None: the provider sends no finish reason (a fault)."""
    stop_sequence: str | None = None
    """The stop string that ended the text."""
    searched: bool = False
    """The provider has looked something up first."""
    refused: bool = False
    """The text is the model's refusal."""

    @property
    def completion_tokens(self) -> int:
        calls = sum(tokens(call.name + call.arguments_json()) for call in self.tool_calls)
        return tokens(self.thinking) + tokens(self.text) + calls


def tokens(text: str) -> int:
    """About four characters a token, as in English prose."""
    return -(-len(text) // 4)


def signature(thinking: str) -> str:
    """What proves to Claude that a thought it is shown is its own; the same on every platform."""
    return base64.b64encode(hashlib.sha256(f"simulated {thinking}".encode()).digest()).decode()


def prompt_tokens(turns: Iterable[Turn], system: str, tools: Iterable[Tool]) -> int:
    total = tokens(system)
    for turn in turns:
        for part in turn.parts:
            total += _part_tokens(part)
    for tool in tools:
        total += tokens(tool.name + tool.description + json.dumps(tool.schema))
    return total


def _part_tokens(part: Part) -> int:
    match part:
        case Text(text) | ToolResult(_, text):
            return tokens(text)
        case Image():
            return IMAGE_TOKENS
        case ToolCall():
            return tokens(part.name + part.arguments_json())
