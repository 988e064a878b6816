"""What formats have in common that LiteLLM translates into and out of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..adapters.litellm_provider.fields import arguments_of
from ..adapters.litellm_provider.finishing import FinishReader, reading
from ..adapters.litellm_provider.loading import litellm
from ..adapters.litellm_provider.streams import Echo
from ..adapters.litellm_provider.wire import UnreadableError, answer_of, chunk_of, is_token, usage_of
from ..routing.finish_reasons import incomplete
from ..routing.ledger import Usage
from ..routing.types import Chunk, Deployment, Message, ProviderAnswer
from .evidence import no_format, unfinished, unsendable
from .plain import copied
from .prices import Prices


@dataclass(slots=True)
class Translation:
    """One request on its way into a provider's format, and what LiteLLM needs of it again to read the answer."""

    messages: list[Any]
    optional: dict[str, Any]
    """The parameters, in the provider's names."""
    place: dict[str, Any]
    """LiteLLM's own notes about the request."""
    headers: dict[str, str]
    """The operator's."""
    more: dict[str, Any]
    """Fields of the operator's for the body."""
    json_mode: bool
    """LiteLLM has the model write JSON by a tool that callers do not see."""


def translation_of(
    deployment: Deployment, model: str, config: Any, messages: list[Message], params: Mapping[str, Any], *, stream: bool
) -> Translation:
    """The first half, the same for all: OpenAI's parameters in the provider's names. Raises ProviderFailure."""
    arguments = copied(arguments_of(deployment, params))
    headers, more = arguments.pop("extra_headers", {}), arguments.pop("extra_body", {})
    for name in deployment.extra:
        arguments.pop(name, None)
    sent = copied(messages)
    try:
        sent = config.translate_developer_role_to_system_role(messages=sent)
        optional = litellm().utils.get_optional_params(
            model=model, custom_llm_provider=deployment.provider, messages=sent, stream=stream, **arguments
        )
    except Exception as error:
        raise unsendable(error) from error
    return Translation(
        sent,
        {name: value for name, value in optional.items() if name not in ("stream", "json_mode")},
        {"custom_llm_provider": deployment.provider},
        headers,
        more,
        json_mode=bool(optional.get("json_mode")),
    )


class Received:
    """A response as LiteLLM's classes read one; its JSON is there already."""

    status_code = 200
    text = ""
    """LiteLLM wants it for its logs only."""

    def __init__(self, said: dict[str, Any], headers: Mapping[str, str]) -> None:
        self._said = said
        self.headers = headers

    def json(self) -> dict[str, Any]:
        return self._said


class Unlogged:
    """In place of LiteLLM's logging object, to which its classes report. Nobody listens here."""

    def post_call(self, **_: Any) -> None:
        """Report nothing."""


def read_answer(
    config: Any, model: str, one: Translation, received: Received, *, prices: Prices, reader: FinishReader
) -> ProviderAnswer:
    """The answer that LiteLLM's class makes of what was received. Raises ProviderFailure."""
    library = litellm()
    try:
        with reading(reader):
            response = config.transform_response(
                model=model,
                raw_response=received,
                model_response=library.ModelResponse(),
                logging_obj=Unlogged(),
                request_data={},
                messages=one.messages,
                optional_params=one.optional,
                litellm_params=one.place,
                encoding=None,
                json_mode=one.json_mode,
            )
    except Exception as error:
        raise no_format(error) from error
    try:
        answer = answer_of(response, usage_of(response.usage), prices.usd_of_answer(response))
        return replace(answer, broken=reader.broken)
    except UnreadableError as error:
        raise no_format(error) from error


class TranslatedStream:
    """How far a stream has come that LiteLLM's parser reads event by event, but for plain text."""

    def __init__(self, prices: Prices, reader: FinishReader) -> None:
        self.begun = self.ended = self.finished = False
        self._prices = prices
        self._reader = reader
        self._called_tools = False
        self._first: Any = None
        self._last: Any = None
        """LiteLLM's usage objects: what was said first, and last."""
        self._echo = Echo(litellm().REPEATED_STREAMING_CHUNK_LIMIT)

    @property
    def complete(self) -> bool:
        return self.finished and self._last is not None

    @property
    def usage_so_far(self) -> Usage | None:
        return None if self._first is None else replace(usage_of(self._first), estimated=True)

    def text(self, text: str) -> Iterator[Chunk]:
        """A piece of plain text."""
        if text:
            yield from self._said(Chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}]))

    def piece(self, piece: Any) -> Iterator[Chunk]:
        """What LiteLLM's parser made of an event."""
        try:
            chunk, usage = chunk_of(piece, None, None), getattr(piece, "usage", None)
        except UnreadableError as error:
            raise no_format(error, begun=self.begun) from error
        self._first = self._first or usage
        self._last = usage or self._last
        for choice in chunk.choices:
            self._called_tools = self._called_tools or "tool_calls" in choice["delta"]
            choice["finish_reason"] = self._reason(choice["finish_reason"])
        if any(choice["delta"] or choice["finish_reason"] for choice in chunk.choices):
            yield from self._said(chunk)

    def _reason(self, reason: str | None) -> str | None:
        again, self.finished = self.finished, self.finished or bool(reason)
        if not reason or again or self._reader.broken is not None:
            return None
        # The tool by which it wrote JSON is LiteLLM's own.
        return "stop" if reason == "tool_calls" and not self._called_tools else reason

    def _said(self, chunk: Chunk) -> Iterator[Chunk]:
        first, self.begun = not self.begun, self.begun or is_token(chunk)
        yield chunk
        if first and self.begun and (usage := self.usage_so_far) is not None:
            yield Chunk([], usage)
        self._echo.check(chunk)

    def end(self) -> Iterator[Chunk]:
        if not self.finished:
            raise unfinished(begun=self.begun)
        if self._last is not None:
            yield Chunk([], usage_of(self._last), self._prices.usd(self._last))
        if self._reader.broken is not None:
            raise incomplete(self._reader.broken, begun=self.begun)
