"""Ids of tool calls as each API takes them (`Dialect`); a result has the id of its call."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from ..types import Message
from .report import Report

REPORT = "tool call ids changed"
_HEAD = 15
_DIGEST = 24
"""With the head 40 characters, the fewest that an API takes."""


def with_fitting_ids(
    messages: Iterable[Message], fits: re.Pattern[str] | None, report: Report, *, unique: bool
) -> Iterator[Message]:
    """The messages with ids that fit; `unique`: none of them twice in a conversation."""
    used: set[str] = set()
    times: Counter[str] = Counter()
    sent: dict[str, str] = {}
    for message in messages:
        if message["role"] == "tool":
            yield {**message, "tool_call_id": sent.get(message["tool_call_id"], message["tool_call_id"])}
            continue
        calls = []
        for call in message.get("tool_calls") or ():
            name = call["id"]
            if (unique and name in used) or (fits is not None and not fits.fullmatch(name)):
                times[name] += unique
                name = _other_id(name, times[name], used if unique else frozenset())
                report.say(REPORT)
            sent[call["id"]] = name
            used.add(name)
            calls.append({**call, "id": name})
        yield {**message, "tool_calls": calls} if calls else message


def _other_id(name: str, times: int, used: set[str] | frozenset[str]) -> str:
    head = re.sub(r"[^a-zA-Z0-9_-]", "_", name[:_HEAD])
    seed = name.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(b"%d %s" % (times, seed)).hexdigest()[:_DIGEST]
    other = f"{head}_{digest}"
    return other if other not in used else _other_id(other, times, used)
