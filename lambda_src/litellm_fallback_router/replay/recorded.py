"""The log's lines as requests: of this machine's gateway, or as CloudWatch exports them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

EVENTS = frozenset({"request_answered", "request_failed"})
LEFT = 499
"""Status of requests whose callers left: how they would have ended is not known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as the log has it. Times in seconds."""

    deployment: str
    outcome: str
    seconds: float
    status: int | None = None
    started: float = 0.0
    first_token_seconds: float | None = None
    retry_after: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    wasted: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as the log has it."""

    at: float
    """Unix seconds at which it came."""
    id: str
    model: str
    answered: bool
    seconds: float
    attempts: tuple[Attempt, ...]
    streamed: bool = False
    needs: tuple[str, ...] = ()
    max_tokens: int | None = None
    timeout: float | None = None
    fallback: bool = False

    @property
    def prompt_tokens(self) -> int:
        return max((one.prompt_tokens for one in self.attempts), default=0)


def read_log(text: str) -> tuple[list[Request], int]:
    """Read a log: JSON lines, or what `aws logs filter-log-events` or `get-query-results` print.

    Args:
        text: Of the log.

    Returns:
        The requests in the order in which they came, each once, and how many ended without saying enough: their
        callers left, the response cache answered, or an older version wrote them.
    """
    found: dict[str, Request] = {}
    unusable = 0
    for line in _lines(text):
        if str(line.get("event") or line.get("message")) not in EVENTS:
            continue
        request = _request(line)
        if request is None:
            unusable += 1
        else:
            found[request.id] = request
    return sorted(found.values(), key=lambda one: (one.at, one.id)), unusable


def _lines(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        whole: Any = [json.loads(text)]
    except ValueError:
        whole = (_parsed(line) for line in text.splitlines())
    for one in whole:
        yield from _events(one)


def _events(one: Any) -> Iterator[Mapping[str, Any]]:
    """The log's own objects inside what CloudWatch wraps around them."""
    if isinstance(one, list):
        fields = {f["field"]: f.get("value") for f in one if isinstance(f, Mapping) and "field" in f}
        inside: Iterable[Any] = [_parsed(fields["@message"])] if "@message" in fields else one
        for each in inside:
            yield from _events(each)
    elif isinstance(one, Mapping):
        if isinstance(wrapped := one.get("events", one.get("results")), list):
            yield from _events(wrapped)
        elif isinstance(message := one.get("message", one.get("@message")), str) and message.lstrip().startswith("{"):
            yield from _events(_parsed(message))
        else:
            yield one


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return None


def _request(line: Mapping[str, Any]) -> Request | None:
    history = line.get("history")
    if not isinstance(history, Mapping) or line.get("status") == LEFT:
        return None
    try:
        seconds = float(line["seconds"])
        ended = datetime.fromisoformat(str(line.get("timestamp") or line["time"]).replace("Z", "+00:00")).timestamp()
        attempts = tuple(Attempt(**one) for one in history.get("attempts", ()))
        answered = (line.get("event") or line.get("message")) == "request_answered"
        if answered and not attempts:
            return None  # out of the response cache
        return Request(
            at=ended - seconds,
            id=str(line["request_id"]),
            model=str(line["requested_model"]),
            answered=answered,
            seconds=seconds,
            attempts=attempts,
            streamed=bool(history.get("streamed")),
            needs=tuple(history.get("needs", ())),
            max_tokens=history.get("max_tokens"),
            timeout=history.get("timeout"),
            fallback=bool(line.get("fallback")),
        )
    except (KeyError, TypeError, ValueError):
        return None
