"""A stream of OpenAI's Responses API: its events as they came, each with the piece of a chat that it is.

Source: OpenAI, "Streaming events"; its SDK's types `ResponseStreamEvent`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..routing.failures import no_answer
from ..routing.finish_reasons import incomplete
from ..routing.ledger import Usage
from ..routing.types import Chunk, NativeEvent
from .failures import error_in_band, no_format, unfinished
from .loading import litellm
from .openai_stream import tier_of
from .plain import object_of
from .prices import Prices
from .repetition import RepetitionDetector
from .response_object import CALLED, OWN_TOOL, finish_reason_of, says_nothing, usage_of
from .sse import EventDecoder, EventReader

TEXTS = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning_content",
    "response.reasoning_text.delta": "reasoning_content",
}
"""Events that carry text -> where a chat has it."""
ARGUMENTS = {
    "response.function_call_arguments.delta": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
}
ENDS = frozenset({"response.completed", "response.incomplete"})
FRAME = frozenset(
    {
        *("created", "queued", "in_progress", "output_item", "content_part", "output_text", "refusal"),
        *("reasoning_summary_part", "reasoning_summary_text", "reasoning_text"),
        *("function_call_arguments", "custom_tool_call_input"),
    }
)
"""Events that only mark a beginning or an end. Any event that is not named in this file comes from a tool of OpenAI's
own."""
SILENT = frozenset({"message", "reasoning"})
"""Items that begin without content."""


class ResponsesDecoder(EventDecoder):
    """How far a stream has come. An event without content is passed on with the next that has some."""

    usage_so_far: Usage | None = None
    """The API reports usage at the end only."""

    def __init__(self, prices: Prices) -> None:
        self.begun = self.ended = self.finished = False
        self._prices = prices
        self._events = EventReader()
        self._waiting: list[NativeEvent] = []
        self._calls: dict[str, int] = {}
        """A chat's index of each call, by its item's id."""
        self._usage: dict[str, Any] | None = None
        self._tier: str | None = None
        self._broken: str | None = None
        self._echo = RepetitionDetector(litellm().REPEATED_STREAMING_CHUNK_LIMIT)

    @property
    def complete(self) -> bool:
        return self.finished

    def end(self) -> Iterator[Chunk]:
        if self._broken is not None:
            raise incomplete(self._broken, begun=self.begun)
        if not self.finished:
            raise unfinished(begun=self.begun)
        usage, cost = self._prices.of_openai(self._usage, self._tier)
        if not usage.estimated:
            yield Chunk([], usage, cost)

    def _read(self, event: bytes) -> Iterator[Chunk]:
        said = object_of(event, begun=self.begun)
        kind = said.get("type")
        if kind == "error" or said.get("error"):
            raise error_in_band(said.get("error") or said, begun=self.begun)
        if kind == "response.failed":
            raise error_in_band(self._response(said).get("error") or {}, begun=self.begun)
        self._waiting.append(NativeEvent(said, event))
        if kind in ENDS:
            yield from self._end(self._response(said))
        elif delta := self._delta(str(kind), said):
            self.begun = True
            chunk = Chunk([{"index": 0, "delta": delta, "finish_reason": None}])
            yield self._with_events(chunk)
            self._echo.check(chunk)

    def _delta(self, kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """The delta of a chat; empty for an event that only marks a beginning or an end."""
        if kind in TEXTS:
            return {TEXTS[kind]: self._text(said, "delta")}
        if kind in ARGUMENTS:
            return self._argued(kind, said)
        if kind == "response.output_text.annotation.added":
            return {"annotations": [said.get("annotation")]}
        if kind == "response.output_item.added":
            return self._added(said.get("item"))
        return {} if kind.removeprefix("response.").partition(".")[0] in FRAME else {OWN_TOOL: kind}

    def _argued(self, kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
        named, text = CALLED[ARGUMENTS[kind]]
        index = self._calls.get(self._text(said, "item_id"))
        if index is None:
            raise no_format(begun=self.begun)
        return {"tool_calls": [{"index": index, named: {text: self._text(said, "delta")}}]}

    def _added(self, item: Any) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise no_format(begun=self.begun)
        kind = item.get("type")
        if kind in SILENT:
            return {}
        if kind not in CALLED:
            return {OWN_TOOL: str(kind)}
        named, text = CALLED[kind]
        index = self._calls.setdefault(self._text(item, "id"), len(self._calls))
        body = {"name": self._text(item, "name"), text: ""}
        return {"tool_calls": [{"index": index, "id": self._text(item, "call_id"), "type": named, named: body}]}

    def _end(self, response: Mapping[str, Any]) -> Iterator[Chunk]:
        if says_nothing(response) and not self.begun:
            raise no_answer()
        reason = finish_reason_of(response, called=bool(self._calls))
        self.ended = True
        if reason is None:
            self._broken = str((response.get("incomplete_details") or {}).get("reason"))
            return
        self.finished = self.begun = True
        self._usage, self._tier = usage_of(response), tier_of(dict(response))
        yield self._with_events(Chunk([{"index": 0, "delta": {}, "finish_reason": reason}]))

    def _with_events(self, chunk: Chunk) -> Chunk:
        sent, self._waiting = tuple(self._waiting), []
        return replace(chunk, native=sent)

    def _response(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        response = said.get("response")
        if not isinstance(response, dict):
            raise no_format(begun=self.begun)
        return response

    def _text(self, said: Mapping[str, Any], name: str) -> str:
        value = said.get(name)
        if not isinstance(value, str):
            raise no_format(begun=self.begun)
        return value
