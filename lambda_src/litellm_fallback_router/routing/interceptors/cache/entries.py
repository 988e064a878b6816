"""What is kept of an answer, and a kept answer given again. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ...ledger import Usage
from ...mapping import RouterConfig
from ...types import ChatResult, Chunk, NativeEvent
from ..protocol import Choices, Replay


def entry_of(result: ChatResult, choices: Choices, pieces: Sequence[Chunk] | None) -> bytes:
    """`pieces`: those of a stream that passed on its provider's own events."""
    told: dict[str, Any] = {
        "responder": result.deployment.id,
        "usage": asdict(result.usage),
        "fallback": result.fallback,
        "created": result.created,
        "fingerprint": result.system_fingerprint,
        "choices": choices,
        "native": result.native,
    }
    if pieces is not None:
        told["pieces"] = [[piece.choices, [event.data.decode() for event in piece.native]] for piece in pieces]
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def replay_of(entry: bytes, config: RouterConfig) -> Replay | None:
    """None: it is not what `entry_of` writes, or not whole. What is in a store may have been written by another."""
    try:
        return _replay(json.loads(entry), config)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _replay(told: Any, config: RouterConfig) -> Replay:
    by_id = {one.id: one for one in config.deployments}
    pieces = told.get("pieces")
    if not told["choices"] or not all(choice["message"]["role"] for choice in told["choices"]):
        raise ValueError("no answer")
    return Replay(
        told["choices"],
        by_id[told["responder"]],
        usage=Usage(**told["usage"]),
        created=told["created"],
        fallback=told["fallback"],
        native=told["native"],
        system_fingerprint=told["fingerprint"],
        pieces=None if pieces is None else [Chunk(choices, native=_events(data)) for choices, data in pieces],
    )


def _events(written: Sequence[str]) -> tuple[NativeEvent, ...]:
    return tuple(NativeEvent(json.loads(data), data.encode()) for data in written)
