"""Which deployments hold a provider's prompt cache of which conversations, as far as this process has seen."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ..types import ChatRequest

SHORTEST = 1_024
"""Tokens of the shortest prompt that providers cache. Sources: OpenAI, "Prompt caching"; Anthropic, "Prompt caching"
(1,024 for most models, more for some); Amazon Bedrock, "Prompt caching for faster model inference"."""
SECONDS = 300.0
"""How long a cache is warm after its last use. Sources: as above (OpenAI: 5 to 10 minutes; the others 5)."""
LONG_SECONDS = 3_600.0
"""The same where a mark asks for an hour. Source: Anthropic, "1-hour cache duration"."""
MOST = 20_000
"""Prefixes remembered; beyond, the one used longest ago is forgotten."""
CHARACTERS_PER_TOKEN = 3
"""Fewer than texts usually have, so that no prompt is passed over that might be long enough."""

_JSON = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request's prompt, as names of its prefixes. Texts cannot be found from them."""

    prefixes: tuple[bytes, ...]
    """Of the first message, the first two ... all; and, last, the name by the caller's `prompt_cache_key`."""
    marked: bool
    """The request says what is to be cached."""
    long: bool
    """It asks for an hour."""


@dataclass(slots=True)
class _Warm:
    until: float
    tokens: int


class PromptCaches:
    """Bounded in number; nothing in it is shared between callers."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen."""
        self._clock = clock
        self._known: OrderedDict[bytes, dict[str, _Warm]] = OrderedDict()

    def conversation(self, request: ChatRequest) -> Conversation:
        """The request's prefixes."""
        hashed = _Hasher(request.caller)
        for name in ("tools", "response_format"):
            # Of many short texts JSON is made in a third of the time.
            hashed.feed(_JSON.encode(request.params.get(name)))
        prefixes = []
        for message in request.messages:
            hashed.feed(message)
            prefixes.append(hashed.name())
        key = request.params.get("prompt_cache_key")
        if key is not None:
            named = _Hasher(request.caller)
            named.feed(["prompt_cache_key", key])
            prefixes.append(named.name())
        native = None if request.native is None else request.native.body
        marks = _Marks()
        marks.find([request.messages, request.params.get("tools"), native])
        return Conversation(tuple(prefixes), marks.any, marks.long)

    def carried(self, same: Collection[str]) -> PromptCaches:
        """Make those of another mapping, with what is known of the deployments of `same` (ids)."""
        other = PromptCaches(self._clock)
        for prefix, known in self._known.items():
            if kept := {name: warm for name, warm in known.items() if name in same}:
                other._known[prefix] = kept
        return other

    def warm(self, conversation: Conversation) -> dict[str, int]:
        """Prompt tokens that each deployment has cached of it, by id."""
        now, found = self._clock(), dict[str, int]()
        for prefix in conversation.prefixes:
            for deployment, one in self._known.get(prefix, {}).items():
                if one.until > now:
                    found[deployment] = max(one.tokens, found.get(deployment, 0))
        return found

    def used(self, conversation: Conversation, deployment: str, tokens: int) -> None:
        """Note that `deployment` has just been sent the conversation: its cache of these tokens is warm."""
        until = self._clock() + (LONG_SECONDS if conversation.long else SECONDS)
        # The whole prompt is a prefix of the next turn's; a key names it whatever its prefixes are.
        for prefix in conversation.prefixes[-2:]:
            self._known.setdefault(prefix, {})[deployment] = _Warm(until, tokens)
            self._known.move_to_end(prefix)
        while len(self._known) > MOST:
            self._known.popitem(last=False)


def may_be_cached(request: ChatRequest) -> bool:
    """False: the prompt is too short for any provider to cache."""
    return not _is_shorter([request.messages, request.params.get("tools")], SHORTEST * CHARACTERS_PER_TOKEN)


def _is_shorter(values: list[Any], most: int) -> bool:
    """Whether the texts in JSON values have fewer than so many characters; it looks no further than it has to."""
    while values:
        value = values.pop()
        if isinstance(value, str):
            most -= len(value)
            if most <= 0:
                return False
        elif isinstance(value, Mapping):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
    return True


class _Hasher:
    """Names JSON values, fed one after the other, so that different ones have different names."""

    def __init__(self, scope: str | None) -> None:
        self._hash = blake2b(digest_size=16)
        self.feed(scope)

    def feed(self, value: Any) -> None:
        said: list[bytes] = []
        _write(value, said.append)
        self._hash.update(b"".join(said))

    def name(self) -> bytes:
        return self._hash.digest()


def _write(value: Any, say: Callable[[bytes], None]) -> None:
    """Say a JSON value, with the length of each part before it."""
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        say(b"s%d:" % len(data))
        say(data)
    elif type(value) is dict or isinstance(value, Mapping):
        say(b"o%d:" % len(value))
        for name in sorted(value):
            _write(name, say)
            _write(value[name], say)
    elif isinstance(value, Sequence):
        say(b"a%d:" % len(value))
        for item in value:
            _write(item, say)
    else:
        say(b"%s;" % repr(value).encode())


class _Marks:
    """Whether a request marks what is to be cached, and for how long."""

    def __init__(self) -> None:
        self.any = self.long = False

    def find(self, value: Any) -> None:
        if type(value) is dict or isinstance(value, Mapping):
            mark = value.get("cache_control")
            if isinstance(mark, Mapping):
                self.any = True
                self.long = self.long or mark.get("ttl") == "1h"
            for item in value.values():
                if not isinstance(item, str):
                    self.find(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.find(item)
