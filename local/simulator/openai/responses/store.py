"""Responses that were stored, and the items in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KEPT = 1_000

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """One stored response."""

    organization: str
    response: Mapping[str, Any]
    conversation: tuple[Item, ...]
    """The conversation up to its end: its input, what came before that, and its output."""


class Store:
    """The newest responses of every organization, each seen only by its own."""

    def __init__(self) -> None:
        self._responses: dict[str, Stored] = {}

    def keep(self, stored: Stored) -> None:
        self._responses[stored.response["id"]] = stored
        while len(self._responses) > _KEPT:
            del self._responses[next(iter(self._responses))]

    def find(self, response_id: str, organization: str) -> Stored | None:
        found = self._responses.get(response_id)
        return found if found and found.organization == organization else None

    def drop(self, response_id: str) -> None:
        self._responses.pop(response_id, None)

    def item(self, item_id: str, organization: str) -> Item | None:
        """An item of a stored response's output."""
        for stored in self._responses.values():
            if stored.organization == organization:
                for item in stored.response["output"]:
                    if item["id"] == item_id:
                        return dict(item)
        return None

    def thought_before(self, item_id: str, organization: str) -> str | None:
        """The id of the reasoning that a stored item followed."""
        for stored in self._responses.values():
            if stored.organization == organization:
                thought = None
                for item in stored.response["output"]:
                    if item["id"] == item_id:
                        return thought
                    if item["type"] == "reasoning":
                        thought = item["id"]
        return None

    def clear(self) -> None:
        self._responses.clear()
