"""The log's lines as requests: of this machine's gateway, or as CloudWatch exports them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

EVENTS = frozenset({"request_answered", "request_failed"})
UNKNOWN_ENDS = frozenset({"caller_left", "server_stopping", "budget_exceeded", "guardrail_unreachable"})
"""Codes of requests of which nobody knows how the chain would have gone on: their callers left, the process ended, or
something before the chain refused them."""
LEFT = 499
"""Status of requests whose callers left, in logs without codes."""


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
    narrowed: Mapping[str, Any] = field(default_factory=dict)
    """The fields of the caller's `router` that change who may be asked."""

    @property
    def prompt_tokens(self) -> int:
        return max((one.prompt_tokens for one in self.attempts), default=0)


def read_log(text: str) -> tuple[list[Request], int]:
    """Read a log: JSON lines, or what `aws logs filter-log-events` or `get-query-results` print.

    Args:
        text: Of the log.

    Returns:
        The requests in the order in which they came, each once, and how many ended without saying enough: their
        callers left, a budget or the guardrail refused them, the response cache answered, or an older version wrote
        them.
    """
    # Callers may give two requests one id.
    found: dict[tuple[str, float], Request] = {}
    unusable = 0
    for line in _lines(text):
        if str(line.get("event") or line.get("message")) not in EVENTS:
            continue
        request = _request(line)
        if request is None:
            unusable += 1
        else:
            found[request.id, request.at] = request
    return sorted(found.values(), key=lambda one: (one.at, one.id)), unusable


def _lines(text: str) -> Iterator[Mapping[str, Any]]:
    whole = _parsed(text)
    # Line by line, so that a long log is not held twice.
    for one in [whole] if whole is not None else (_parsed(found[0]) for found in re.finditer(r"[^\n]+", text)):
        yield from _events(one)


def _events(one: Any) -> Iterator[Mapping[str, Any]]:
    """The log's own objects inside what CloudWatch wraps around them."""
    if isinstance(one, list):
        cells = (f for f in one if isinstance(f, Mapping) and f.get("field") == "@message")
        inside: Iterable[Any] = [_parsed(cell.get("value")) for cell in cells] or one
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
    """None where it is no JSON, or nested deeper than anything that is logged."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _request(line: Mapping[str, Any]) -> Request | None:
    history = line.get("history")
    if not isinstance(history, Mapping) or line.get("status") == LEFT or line.get("code") in UNKNOWN_ENDS:
        return None
    try:
        seconds = _number(line["seconds"])
        ended = datetime.fromisoformat(str(line.get("timestamp") or line["time"]).replace("Z", "+00:00")).timestamp()
        attempts = tuple(_attempt(one) for one in history.get("attempts", ()))
        answered = (line.get("event") or line.get("message")) == "request_answered"
        narrowed, limit, timeout = history.get("router", {}), history.get("max_tokens"), history.get("timeout")
        if answered and not attempts:
            return None  # out of the response cache
        if any(one.outcome == "guardrail" for one in attempts) or not isinstance(narrowed, Mapping):
            return None
        return Request(
            at=ended - seconds,
            id=str(line["request_id"]),
            model=str(line["requested_model"]),
            answered=answered,
            seconds=seconds,
            attempts=attempts,
            streamed=bool(history.get("streamed")),
            needs=tuple(str(one) for one in history.get("needs", ())),
            max_tokens=None if limit is None else int(_number(limit)),
            timeout=None if timeout is None else _number(timeout),
            fallback=bool(line.get("fallback")),
            narrowed=narrowed,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


_WORDS = frozenset({"deployment", "outcome"})
_KNOWN = frozenset(one.name for one in fields(Attempt))


def _attempt(said: Mapping[str, Any]) -> Attempt:
    """Raises TypeError or ValueError where it is none. What a newer version says besides is not read."""
    known = {name: said[name] for name in _KNOWN & said.keys() if said[name] is not None}
    checked: dict[str, Any] = {name: str(one) if name in _WORDS else _number(one) for name, one in known.items()}
    return Attempt(**checked)


def _number(value: Any) -> float:
    """A number of seconds, tokens or dollars. Raises ValueError for what cannot be one."""
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(value)
    return value
