"""Anthropic's Messages API for callers of that API: request bodies and answers pass unchanged.

What an answer means (its text, its calls, why it ended, what it cost) is read as `anthropic` reads every answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..routing.types import Chunk, NativeEvent, NativeRequest, ProviderAnswer
from .addresses import below, key_for
from .anthropic import AnthropicCall, AnthropicDecoder, AnthropicFormat
from .exchange import Outgoing
from .failures import no_format, unsendable
from .fields import arguments_of
from .plain import object_of
from .translated import Translation

BETA = "anthropic-beta"
OTHER = "other_content"
"""Field of a delta that names a content which has no field in a chat: a server tool's results, a citation."""
SOON_HEARD = frozenset({"", "text", "thinking"})
"""Kinds of blocks that begin empty, and go on with their first delta."""


class MessagesCaller:
    """One deployment of Anthropic's, asked natively. Made once for each deployment."""

    def __init__(self, owner: AnthropicFormat) -> None:
        operators = arguments_of(owner.deployment, {})
        self._owner = owner
        self._reading = untranslated(operators.get("extra_headers", {}), operators.get("extra_body", {}))
        self._signed: tuple[str, dict[str, str]] | None = None
        """A key, and the headers with it in: what has none may have a token, which runs out."""

    async def call(self, native: NativeRequest, key: str | None, *, stream: bool) -> NativeMessagesCall:
        owner, one = self._owner, self._reading
        key = key_for(owner.deployment, key)
        headers = dict(self._headers(key))
        headers |= {name: value for name, value in native.headers.items() if name != BETA}
        if betas := _betas(headers.get(BETA), native.headers.get(BETA)):
            headers[BETA] = betas
        body = {"model": owner.model, **native.body, **one.more}
        if stream:
            body["stream"] = True
        outgoing = Outgoing(owner.url, headers, json.dumps(body).encode())
        return NativeMessagesCall(owner.reading, outgoing, one)

    def _headers(self, key: str | None) -> dict[str, str]:
        if key is not None and self._signed is not None and self._signed[0] == key:
            return self._signed[1]
        owner = self._owner
        try:
            headers: dict[str, str] = owner.config.validate_environment(
                dict(self._reading.headers), owner.model, [], {}, {}, api_key=key, api_base=owner.url
            )
        except Exception as error:
            raise unsendable(error) from error
        if key is not None:
            self._signed = key, headers
        return headers

    async def count(self, native: NativeRequest, key: str | None) -> Outgoing:
        """For a count of the request's tokens, which `tokens_in` reads. Raises ProviderFailure."""
        call = await self.call(native, key, stream=False)
        return replace(call.outgoing, url=below(call.outgoing.url, lambda place: f"{place}/count_tokens"))


def tokens_in(body: bytes) -> int:
    """Source: Anthropic, "Count tokens in a Message". Raises ProviderFailure for what is no count."""
    tokens = object_of(body).get("input_tokens")
    if type(tokens) is not int or tokens < 0:
        raise no_format()
    return tokens


def untranslated(headers: dict[str, str], more: dict[str, Any]) -> Translation:
    """For the answer to a request that was not translated; `headers` and `more` are the operator's."""
    return Translation([], {}, {}, headers, more, json_mode=False)


def _betas(*lists: str | None) -> str:
    """All that are named, each once."""
    named = [beta.strip() for one in lists for beta in (one or "").split(",")]
    return ",".join(dict.fromkeys(beta for beta in named if beta))


class NativeMessagesCall(AnthropicCall):
    """One request as its caller wrote it, and how its answer is read."""

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said = object_of(body)
        return replace(self.read(said, headers), native=said)

    def decoder(self) -> NativeDecoder:
        return NativeDecoder(self.reading, self.translation)


class NativeDecoder(AnthropicDecoder):
    """A stream of Anthropic's events, each of which goes on with the chunk that it makes, or with the next."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._waiting: list[NativeEvent] = []

    def _read(self, event: bytes) -> Iterator[Chunk]:
        said = object_of(event, begun=self.begun)
        if said.get("type") not in ("ping", "error"):
            self._waiting.append(NativeEvent(said, event))
        if self.begun and (text := _plain_text(said)):
            chunk = Chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}], native=self._taken())
            yield chunk
            self._echo.check(chunk)
            return
        for chunk in self._event(said):
            yield Chunk(chunk.choices, chunk.usage, chunk.cost_usd, self._taken()) if chunk.choices else chunk
        if self._waiting and (kind := _untranslated_kind(said)):
            self.begun = True
            yield Chunk([{"index": 0, "delta": {OTHER: kind}, "finish_reason": None}], native=self._taken())

    def _taken(self) -> tuple[NativeEvent, ...]:
        sent, self._waiting = tuple(self._waiting), []
        return sent


def _plain_text(said: Mapping[str, Any]) -> str:
    """The text of an event that adds some to the answer, as most of a stream's do; empty for any other."""
    delta = said.get("delta")
    if said.get("type") != "content_block_delta" or not isinstance(delta, dict) or delta.get("type") != "text_delta":
        return ""
    return text if isinstance(text := delta.get("text"), str) else ""


def _untranslated_kind(said: Mapping[str, Any]) -> str:
    """The kind of a part of an answer that has no place in a chat's choices; empty where it has one, or is none."""
    part = {"content_block_start": "content_block", "content_block_delta": "delta"}.get(str(said.get("type")), "")
    kind = str((said.get(part) or {}).get("type")) if part else ""
    return "" if kind in SOON_HEARD else kind
