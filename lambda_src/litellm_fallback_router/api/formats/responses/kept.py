"""Responses that the gateway keeps: a conversation goes on by `previous_response_id`, or by references to its items,
whichever deployment answers next.

Each caller's records are separate. A record is a conversation, packed, up to and with one response; or one item of an
answer. What would be larger than a record may be is not kept, and is marked so in the record.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....routing.adaptation import MADE_HERE
from ....routing.errors import InvalidRequestError, invalid, shown
from ....routing.ports import ResponseStore
from ..base import Json

MOST_PACKED = 380_000
"""Bytes of a record; DynamoDB takes items of up to 400 KB, names included."""
MOST_UNPACKED = 16_000_000
MOST_REFERENCES = 1_000
TOO_LARGE = b"too large"


@dataclass(frozen=True, slots=True)
class Room:
    """What is kept for one caller."""

    store: ResponseStore
    caller: str | None

    async def expanded(self, body: Json) -> Json:
        """The body with what it refers to in its place. What is not kept here stays as it is: it may be OpenAI's.

        Raises InvalidRequestError where a reference has expired, UnavailableError where the store cannot be read.
        """
        previous, items = body.get("previous_response_id"), items_of(body.get("input"))
        if items is None:
            return body
        names = [previous] if isinstance(previous, str) else []
        references = [item["id"] for item in items if is_reference(item)]
        if len(references) > MOST_REFERENCES:
            raise invalid(f"More than {MOST_REFERENCES} references to items.", "input", "invalid_value")
        if not (names or references):
            return body
        found = await self._get([*names, *references])
        return await asyncio.to_thread(_filled_in, body, items, found)

    async def keep(self, given: Any, response: Mapping[str, Any]) -> bool:
        """Keeps a response's conversation and its items. False: it is not kept."""
        output = list(response.get("output") or ())
        told = {str(response["id"]): [*(items_of(given) or ()), *output]}
        told |= {str(item["id"]): item for item in output if item.get("id")}
        packed = await asyncio.to_thread(lambda: {self._name(name): _packed(value) for name, value in told.items()})
        return await self.store.put(packed) and TOO_LARGE not in packed.values()

    async def _get(self, names: Sequence[str]) -> Mapping[str, bytes]:
        found = await self.store.get([self._name(name) for name in names])
        return {name: found[self._name(name)] for name in names if self._name(name) in found}

    def _name(self, name: str) -> str:
        return f"response#{self.caller or ''}#{name[:200]}"


def items_of(given: Any) -> list[Any] | None:
    """`input` as items; None where it is neither text nor items."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return given if isinstance(given, list) else None


def _filled_in(body: Json, items: list[Any], found: Mapping[str, bytes]) -> Json:
    """Blocking."""
    reader = _Reader(found)
    previous, given = body.get("previous_response_id"), body.get("input")
    if any(is_reference(item) for item in items):
        given = [
            reader.read(item["id"], f"input[{index}]", "item_not_found", otherwise=item) if is_reference(item) else item
            for index, item in enumerate(items)
        ]
    if isinstance(previous, str):
        before = reader.read(previous, "previous_response_id", "previous_response_not_found", otherwise=None)
        if before is not None:
            body = {name: value for name, value in body.items() if name != "previous_response_id"}
            given = [*before, *(items_of(given) or ())]
    return {**body, "input": given}


class _Reader:
    """Unpacks records, so much of them and no more."""

    def __init__(self, found: Mapping[str, bytes]) -> None:
        self._found = found
        self._left = MOST_UNPACKED

    def read(self, name: str, path: str, code: str, *, otherwise: Any) -> Any:
        """Raises InvalidRequestError where it was kept here and is no more, or is too large."""
        if name not in self._found:
            if MADE_HERE in name:
                raise gone(name, path, code)
            return otherwise
        data = self._found[name]
        written = b"" if data == TOO_LARGE else zlib.decompressobj().decompress(data, self._left + 1)
        self._left -= len(written)
        if not written or self._left < 0:
            text = f"'{shown(name)}' is too large to be kept. Send the whole conversation with `store: false` instead."
            raise invalid(text, path, "response_too_large")
        return json.loads(written)


def gone(name: str, path: str, code: str) -> InvalidRequestError:
    text = f"'{shown(name)}' is not kept here (any more). Send the whole conversation instead, with `store: false`."
    return invalid(text, path, code)


def is_reference(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    return item.get("type") == "item_reference" or item.keys() == {"id"}


def _packed(value: Any) -> bytes:
    written = json.dumps(value, separators=(",", ":")).encode()
    if len(written) > MOST_UNPACKED:
        return TOO_LARGE
    packed = zlib.compress(written)
    return packed if len(packed) <= MOST_PACKED else TOO_LARGE
