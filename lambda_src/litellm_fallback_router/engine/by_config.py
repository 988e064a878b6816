"""Providers with formats of their own, by whichever class of LiteLLM's knows it.

LiteLLM's classes have one base (`BaseConfig`): a request is mapped, placed, written and signed by one, and an answer
read by it, whole or event by event. The provider's finish reason is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..routing.types import Chunk, Deployment, Message, ProviderAnswer
from .addresses import below
from .exchange import Outgoing
from .failures import error_in_band, no_format, unsendable
from .finishing import FinishReader
from .formats import Decoder
from .loading import litellm
from .params import ParameterMap
from .plain import object_of
from .prices import Prices
from .sse import EventDecoder, EventReader, LineReader
from .translated import Received, TranslatedStream, Translation, WholeAsStream, read_answer, translation_of

REASONS = ("finish_reason", "finishReason", "done_reason", "stop_reason")
"""What providers call why an answer ended."""
DEPTH = 3
"""At most so deep inside an event: what a model writes into a call is deeper."""


class ConfigFormat:
    """One deployment whose requests are written by LiteLLM's class for its provider."""

    def __init__(self, deployment: Deployment, model: str, config: Any, base: str | None) -> None:
        self.deployment, self.model, self.config, self.base = deployment, model, config, base
        self._params = ParameterMap(deployment, model, config)
        self.prices = Prices(deployment)
        self.finish_reasons = deployment.profile.finish_reasons

    def takes(self, params: Mapping[str, Any]) -> bool:
        return params.get("n", 1) in (None, 1)

    async def call(
        self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool
    ) -> ConfigCall:
        one = translation_of(self.deployment, self.config, self._params, messages, params, stream=stream)
        one.place["api_base"] = self.base
        faked = bool(one.optional.pop("fake_stream", False))
        streamed = (
            stream and not faked and not self.config.should_fake_stream(self.model, stream, self.deployment.provider)
        )
        try:
            outgoing = self.built(one, key, stream=streamed)
        except Exception as error:
            raise unsendable(error) from error
        return ConfigCall(self, outgoing, one, streamed=streamed)

    def built(self, one: Translation, key: str | None, *, stream: bool) -> Outgoing:
        """The request, by LiteLLM's functions. Raises what they raise."""
        config, optional, place = self.config, one.optional, one.place
        headers = config.validate_environment(
            dict(one.headers), self.model, one.messages, optional, place, api_key=key, api_base=self.base
        )
        url = below(
            self.base, lambda base: str(config.get_complete_url(base, key, self.model, optional, place, stream=stream))
        )
        body = config.transform_request(self.model, one.messages, optional, place, headers)
        if stream and config.supports_stream_param_in_request_body:
            body["stream"] = True
        return Outgoing(url, headers, json.dumps({**body, **one.more}).encode())

    def parser(self, one: Translation) -> Any:
        """LiteLLM's, for one event of a stream at a time."""
        return self.config.get_model_response_iterator(
            streaming_response=(), sync_stream=False, json_mode=one.json_mode
        )

    def reason_in(self, said: Mapping[str, Any]) -> str | None:
        """The provider's finish reason; None: there is none in this event."""
        return _first(said, DEPTH)

    def event_of(self, said: dict[str, Any]) -> dict[str, Any]:
        """An event in the shape that LiteLLM's parser reads."""
        return said


@dataclass(frozen=True, slots=True)
class ConfigCall:
    """One request, and how its answer is read."""

    owner: ConfigFormat
    outgoing: Outgoing
    translation: Translation
    streamed: bool

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said, owner = object_of(body), self.owner
        if said.get("error"):
            raise error_in_band(said["error"])
        return read_answer(
            owner.config,
            owner.model,
            self.translation,
            Received(said, headers),
            reason=owner.reason_in(said),
            prices=owner.prices,
            reader=FinishReader(owner.finish_reasons),
        )

    def decoder(self) -> Decoder:
        if self.streamed:
            return ConfigDecoder(self.owner, self.translation)
        return WholeAsStream(lambda body: self.answer(body, {}))


class ConfigDecoder(EventDecoder, TranslatedStream):
    """A stream, read event by event."""

    def __init__(self, owner: ConfigFormat, one: Translation) -> None:
        super().__init__(owner.prices, FinishReader(owner.finish_reasons))
        self._owner = owner
        self._events = LineReader() if owner.deployment.profile.json_lines else EventReader()
        self._parser = owner.parser(one)

    def _read(self, event: bytes) -> Iterator[Chunk]:
        said = object_of(event, begun=self.begun)
        if said.get("error"):
            raise error_in_band(said["error"], begun=self.begun)
        reason = self._owner.reason_in(said)
        try:
            piece = self._parser.chunk_parser(self._owner.event_of(said))
            if isinstance(piece, dict):
                piece = _as_piece(piece)
        except Exception as error:
            raise no_format(error, begun=self.begun) from error
        yield from self.piece(piece, reason)


def _as_piece(piece: Mapping[str, Any]) -> Any:
    """LiteLLM's older form of a chunk (`GenericStreamingChunk`) as its newer one."""
    types = litellm().types.utils
    called = piece.get("tool_use")
    calls = [{"index": piece.get("index") or 0, **called}] if called else None
    delta = types.Delta(content=piece.get("text") or None, tool_calls=calls)
    return types.ModelResponseStream(choices=[types.StreamingChoices(delta=delta)], usage=piece.get("usage"))


def _first(value: Any, depth: int) -> str | None:
    if isinstance(value, list):
        return next((found for one in value[:1] if (found := _first(one, depth - 1)) is not None), None)
    if not isinstance(value, Mapping) or depth < 0:
        return None
    named = (value.get(name) for name in REASONS)
    if (own := next((reason for reason in named if isinstance(reason, str) and reason), None)) is not None:
        return own
    inner = (one for one in value.values() if isinstance(one, Mapping | list))
    return next((found for one in inner if (found := _first(one, depth - 1)) is not None), None)
