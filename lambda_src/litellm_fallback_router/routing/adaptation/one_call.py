"""`parallel_tool_calls: false` for models whose API has no such switch: the first call of an answer is kept. The others
did not depend on its result, so nothing is lost by it: the model makes those it still needs in the next turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import Deployment
from .postprocess import Adapted, Choices, ChunkPostprocessor

ADJUSTED = "parallel_tool_calls dropped; of several calls in an answer the first is kept"
ADJUSTED_DEFAULT = "parallel_tool_calls dropped"
"""What it would allow is how such an API works anyway."""


def with_one_call(deployment: Deployment, request: Adapted) -> Adapted:
    """The request without a `parallel_tool_calls` that its API does not have."""
    if "parallel_tool_calls" not in request.params or deployment.profile.dialect.parallel_switch:
        return request
    params = {name: value for name, value in request.params.items() if name != "parallel_tool_calls"}
    if request.params["parallel_tool_calls"] is not False:
        return request.adapted(params=params, adjusted=ADJUSTED_DEFAULT)
    return request.adapted(params=params, adjusted=ADJUSTED, postprocessor=OneCall())


@dataclass(frozen=True, slots=True)
class OneCall:
    """Keeps the first tool call of a choice."""

    def whole(self, choices: Choices) -> Choices:
        return [{**choice, "message": _with_first(choice["message"])} for choice in choices]

    def stream(self) -> ChunkPostprocessor:
        return _Stream()


def _with_first(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    return {**message, "tool_calls": calls[:1]} if calls else message


class _Stream:
    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        """The call that is kept, by choice."""

    def chunk(self, choices: Choices) -> Choices:
        out = [{**choice, "delta": self._delta(choice)} for choice in choices]
        return [choice for choice in out if choice["finish_reason"] or any(choice["delta"].values())]

    def _delta(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta: dict[str, Any] = choice["delta"]
        if not (calls := delta.get("tool_calls")):
            return delta
        first = self._first.setdefault(choice.get("index", 0), calls[0].get("index", 0))
        kept = [call for call in calls if call.get("index", 0) == first]
        return {name: value for name, value in {**delta, "tool_calls": kept}.items() if value or name != "tool_calls"}
