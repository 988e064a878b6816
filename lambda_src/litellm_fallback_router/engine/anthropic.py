"""Anthropic's Messages API, in LiteLLM's classes' words.

Sources: Anthropic, "Create a message", "Streaming messages" and "Errors".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..providers import PROFILES, FinishReasons
from ..routing.turns import after_step
from ..routing.types import Chunk, Deployment, Message, ProviderAnswer
from .addresses import below, key_for
from .exchange import Outgoing
from .failures import error_in_band, no_format, unsendable
from .finishing import FinishReader
from .loading import chat_config, litellm
from .params import ParameterMap
from .plain import object_of
from .prices import Prices
from .sse import EventReader, EventTooLargeError
from .translated import Received, TranslatedStream, Translation, read_answer, text_answer, translation_of
from .usage import of_anthropic

VERSION = "/v1"
PATH = f"{VERSION}/messages"
SAMPLING = frozenset({"max_tokens", "stop_sequences", "temperature", "top_k", "top_p"})
TEXT = frozenset({"role", "content"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer of one deployment is read with."""

    config: Any
    """LiteLLM's class for the format."""
    model: str
    prices: Prices
    finish_reasons: FinishReasons


def reading_of(deployment: Deployment, model: str) -> Reading:
    """For a deployment that answers in Anthropic's format, of whichever provider."""
    return Reading(chat_config(model, "anthropic"), model, Prices(deployment), PROFILES["anthropic"].finish_reasons)


class AnthropicFormat:
    """One deployment whose requests are in Anthropic's format."""

    def __init__(self, deployment: Deployment) -> None:
        library = litellm()
        self.deployment = deployment
        self.model, *_ = library.get_llm_provider(model=deployment.litellm_model)
        self.reading = reading_of(deployment, self.model)
        self.config = self.reading.config
        self.url = below(self.config.get_api_base(deployment.api_base), _messages)
        self._params = ParameterMap(deployment, self.model, self.config)
        self._plain: tuple[str, dict[str, str]] | None = None
        """A key, and the headers of plain texts with it in."""

    def takes(self, params: Mapping[str, Any]) -> bool:
        return True

    async def call(
        self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool
    ) -> AnthropicCall:
        key = key_for(self.deployment, key)
        began = time.thread_time()
        one = translation_of(self.deployment, self.config, self._params, messages, params, stream=stream)
        began = await after_step(began)
        try:
            headers, body = await self._built(one, key)
        except Exception as error:
            raise unsendable(error) from error
        if stream:
            body["stream"] = True
        began = await after_step(began)
        data = json.dumps(body).encode()
        await after_step(began)
        return AnthropicCall(self.reading, Outgoing(self.url, headers, data), one)

    async def _built(self, one: Translation, key: str | None) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body, by LiteLLM's functions."""
        headers = self._headers(one, key)
        body = await self.config.async_transform_request(self.model, one.messages, one.optional, one.place, headers)
        built: tuple[dict[str, str], dict[str, Any]]
        built = litellm().anthropic_beta_headers_manager.update_request_with_filtered_beta(
            headers=headers, request_data={**body, **one.more}, provider="anthropic"
        )
        return built

    def _headers(self, one: Translation, key: str | None) -> dict[str, str]:
        """Those of plain texts are the same with each request, and found out once for a key."""
        plain = key is not None and _is_plain(one)
        if plain and self._plain is not None and self._plain[0] == key:
            return dict(self._plain[1])
        headers: dict[str, str] = self.config.validate_environment(
            one.headers, self.model, one.messages, one.optional, one.place, api_key=key, api_base=self.url
        )
        if plain and key is not None:
            self._plain = key, dict(headers)
        return headers


@dataclass(frozen=True, slots=True)
class AnthropicCall:
    """One request in Anthropic's format, and how its answer is read."""

    reading: Reading
    outgoing: Outgoing
    translation: Translation

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        return self.read(object_of(body), headers)

    def read(self, said: dict[str, Any], headers: Mapping[str, str]) -> ProviderAnswer:
        """The answer that a message object is. Raises ProviderFailure."""
        if said.get("error"):
            raise error_in_band(said["error"])
        by, received, reader = self.reading, Received(said, headers), FinishReader(self.reading.finish_reasons)
        one, reason = self.translation, said.get("stop_reason")
        texts, usage = _texts(said.get("content")), of_anthropic(said.get("usage"))
        if texts is not None and usage is not None and not one.json_mode:
            return text_answer(texts, reason, usage, prices=by.prices, reader=reader)
        return read_answer(by.config, by.model, one, received, reason=reason, prices=by.prices, reader=reader)

    def decoder(self) -> AnthropicDecoder:
        return AnthropicDecoder(self.reading, self.translation)


class AnthropicDecoder(TranslatedStream):
    """A stream of Anthropic's events."""

    def __init__(self, by: Reading, one: Translation) -> None:
        super().__init__(by.prices, FinishReader(by.finish_reasons))
        handler = litellm().llms.anthropic.chat.handler
        self._events = EventReader()
        self._parser = handler.ModelResponseIterator(
            None,
            sync_stream=False,
            json_mode=one.json_mode,
            speed=one.optional.get("speed"),
            tool_name_reverse_map=one.place.get(handler.ANTHROPIC_TOOL_NAME_REVERSE_MAP_KEY),
        )

    def feed(self, data: bytes) -> Iterator[Chunk]:
        try:
            events = self._events.feed(data)
        except EventTooLargeError as error:
            raise no_format(error, begun=self.begun) from error
        for event in events:
            yield from self._read(event)

    def _read(self, event: bytes) -> Iterator[Chunk]:
        yield from self._event(object_of(event, begun=self.begun))

    def _event(self, said: dict[str, Any]) -> Iterator[Chunk]:
        kind, delta = said.get("type"), said.get("delta")
        if kind == "content_block_delta" and isinstance(delta, dict) and delta.get("type") == "text_delta":
            if not isinstance(text := delta.get("text"), str):
                raise no_format(begun=self.begun)
            yield from self.text(text)
        elif kind == "message_stop":
            self.ended = True
        elif kind == "error" or "error" in said:
            raise error_in_band(said.get("error"), begun=self.begun)
        elif kind != "ping":
            try:
                piece = self._parser.chunk_parser(said)
            except Exception as error:
                raise no_format(error, begun=self.begun) from error
            reason = delta.get("stop_reason") if kind == "message_delta" and isinstance(delta, dict) else None
            yield from self.piece(piece, reason)


def _is_plain(one: Translation) -> bool:
    """Nothing in it decides on a header (`anthropic-beta`): numbers, stop strings and texts."""
    if not one.optional.keys() <= SAMPLING:
        return False
    return all(said.keys() <= TEXT and isinstance(said.get("content"), str) for said in one.messages)


def _messages(base: str | None) -> str:
    """Below an address with or without the API's version, or its whole path."""
    return f"{(base or '').removesuffix(PATH).removesuffix(VERSION)}{PATH}"


def _texts(blocks: Any) -> list[str] | None:
    """The texts of an answer's blocks; None where there is more to them."""
    if not isinstance(blocks, list):
        return None
    texts = []
    for block in blocks:
        plain = isinstance(block, dict) and block.get("type") == "text" and not block.get("citations")
        if not plain or not isinstance(block.get("text"), str):
            return None
        texts.append(block["text"])
    return texts
