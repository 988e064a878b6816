"""What formats have in common that LiteLLM translates into and out of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..routing.finish_reasons import incomplete
from ..routing.ledger import Usage
from ..routing.types import Chunk, Deployment, Message, ProviderAnswer
from .exchange import MOST_BYTES
from .failures import no_format, unfinished, unsendable
from .fields import arguments_of
from .finishing import FinishReader
from .loading import litellm
from .params import ParameterMap
from .plain import copied
from .prices import Prices
from .repetition import RepetitionDetector
from .wire import UnreadableError, answer_of, chunk_of, is_token, usage_of

SENT = frozenset({"guardrailConfig"})
"""Parameters of the operator's that are a part of the request; the others are addresses and credentials."""


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

    @property
    def listener(self) -> Unlogged:
        return Unlogged(self.optional)


def translation_of(
    deployment: Deployment,
    config: Any,
    takes: ParameterMap,
    messages: list[Message],
    params: Mapping[str, Any],
    *,
    stream: bool,
) -> Translation:
    """The first half, the same for all: OpenAI's parameters in the provider's names. Raises ProviderFailure."""
    arguments = copied(arguments_of(deployment, params))
    headers, more = arguments.pop("extra_headers", {}), arguments.pop("extra_body", {})
    for name in deployment.extra.keys() - SENT:
        arguments.pop(name, None)
    sent = copied(messages)
    try:
        sent = config.translate_developer_role_to_system_role(messages=sent)
        mapped, others = takes.mapped({**arguments, "stream": True} if stream else arguments)
    except Exception as error:
        raise unsendable(error) from error
    optional = {**mapped, **others}
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
    """LiteLLM reads it for its logs only."""

    def __init__(self, said: dict[str, Any], headers: Mapping[str, str]) -> None:
        self._said = said
        self.headers = headers

    def json(self) -> dict[str, Any]:
        return self._said

    @property
    def content(self) -> bytes:
        return json.dumps(self._said).encode()


class Unlogged:
    """In place of LiteLLM's logging object, to which its classes report. Nobody listens here."""

    def __init__(self, optional: dict[str, Any] | None = None) -> None:
        self.model_call_details: dict[str, Any] = {}
        self.optional_params = optional or {}

    def post_call(self, **_: Any) -> None:
        """Report nothing."""


def read_answer(
    config: Any, model: str, one: Translation, received: Received, *, reason: Any, prices: Prices, reader: FinishReader
) -> ProviderAnswer:
    """The answer that LiteLLM's class makes of what was received. `reason` is the provider's, why it ended.

    Raises ProviderFailure.
    """
    if not reason or not isinstance(reason, str):
        raise no_format()
    library = litellm()
    try:
        response = config.transform_response(
            model=model,
            raw_response=received,
            model_response=library.ModelResponse(),
            logging_obj=one.listener,
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
    except UnreadableError as error:
        raise no_format(error) from error
    said = reader.read(reason)
    for choice in answer.choices:
        choice["finish_reason"] = _shown(said, called="tool_calls" in choice["message"])
    return replace(answer, broken=reader.broken)


def text_answer(texts: list[str], reason: Any, usage: Usage, *, prices: Prices, reader: FinishReader) -> ProviderAnswer:
    """An answer of nothing but text, as almost all are: LiteLLM's class would only put it together.

    Raises ProviderFailure.
    """
    if not reason or not isinstance(reason, str):
        raise no_format()
    message = {"role": "assistant", "content": "".join(texts), "refusal": None}
    said = _shown(reader.read(reason), called=False)
    choice = {"index": 0, "message": message, "finish_reason": said, "logprobs": None}
    return ProviderAnswer([choice], usage, prices.usd_of_tokens(usage), broken=reader.broken)


def _shown(reason: str, *, called: bool) -> str:
    """The tool by which LiteLLM has a model write JSON is one that callers do not see. Some providers have one word for
    both."""
    if reason in ("stop", "tool_calls"):
        return "tool_calls" if called else "stop"
    return reason


class TranslatedStream:
    """How far a stream has come that LiteLLM's parser reads event by event, but for plain text."""

    def __init__(self, prices: Prices, reader: FinishReader) -> None:
        self.begun = self.ended = self.finished = False
        self._prices = prices
        self._reader = reader
        self._called_tools = False
        self._first: Any = None
        self._last: Any = None
        """LiteLLM's usage objects: the first that was reported, and the last."""
        self._echo = RepetitionDetector(litellm().REPEATED_STREAMING_CHUNK_LIMIT)

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

    def piece(self, piece: Any, reason: Any = None) -> Iterator[Chunk]:
        """What LiteLLM's parser made of an event, which ends the answer if the provider gave a reason."""
        try:
            chunk, usage = chunk_of(piece, None, None), _usage(getattr(piece, "usage", None))
        except UnreadableError as error:
            raise no_format(error, begun=self.begun) from error
        self._first = self._first or usage
        self._last = usage or self._last
        for choice in chunk.choices:
            self._called_tools = self._called_tools or "tool_calls" in choice["delta"]
            choice["finish_reason"] = None if reason is None else self._ended_by(reason)
        if any(choice["delta"] or choice["finish_reason"] for choice in chunk.choices):
            yield from self._said(chunk)

    def _ended_by(self, reason: Any) -> str | None:
        if not isinstance(reason, str):
            raise no_format(begun=self.begun)
        again, self.finished = self.finished, True
        said = self._reader.read(reason)
        return None if again or self._reader.broken is not None else _shown(said, called=self._called_tools)

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
            yield Chunk([], usage_of(self._last), self._prices.usd_of_stream(self._last))
        if self._reader.broken is not None:
            raise incomplete(self._reader.broken, begun=self.begun)


def _usage(said: Any) -> Any:
    """Some of LiteLLM's parsers give a dictionary."""
    return litellm().Usage(**said) if isinstance(said, dict) else said


class WholeAsStream:
    """A whole answer in place of a stream: some models cannot stream what the request needs."""

    begun = ended = finished = complete = False
    usage_so_far: Usage | None = None

    def __init__(self, answer: Callable[[bytes], ProviderAnswer]) -> None:
        self._answer = answer
        self._body = bytearray()

    def feed(self, data: bytes) -> Iterator[Chunk]:
        self._body += data
        if len(self._body) > MOST_BYTES:
            raise no_format()
        return iter(())

    def end(self) -> Iterator[Chunk]:
        answer = self._answer(bytes(self._body))
        for choice in answer.choices:
            delta = {name: value for name, value in choice["message"].items() if value and name != "role"}
            if calls := delta.get("tool_calls"):
                delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
            self.begun = True
            yield Chunk([{"index": choice["index"], "delta": delta, "finish_reason": None}])
            yield Chunk([{"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}])
        if not answer.usage.estimated:
            yield Chunk([], answer.usage, answer.cost_usd)
        if answer.broken is not None:
            raise incomplete(answer.broken, begun=self.begun)
