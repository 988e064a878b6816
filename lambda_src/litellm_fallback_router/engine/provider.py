"""The `Provider` port: sends one request to one deployment."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..providers import OwnApi
from ..routing.adaptation import EMBEDDINGS
from ..routing.failures import ProviderFailure, no_answer
from ..routing.ports import DearestPrices
from ..routing.types import Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from .addresses import address_of
from .anthropic import AnthropicFormat
from .anthropic_native import tokens_in
from .azure import azure_format
from .bedrock_native import anthropics_caller, messages_caller
from .converse import ROUTE, ConverseFormat, is_conversed
from .dearest import dearest_prices
from .embeddings import embedded, embedder_of
from .exchange import USAGE_SECONDS, BrokenOffError, ErrorResponse, Outgoing
from .failures import broke_off, refused
from .formats import Call, Decoder, Format, NativeCaller
from .listeners import listened_to
from .loading import litellm
from .mantle import mantle_format
from .openai import OpenAICall, OpenAIFormat
from .others import other_format
from .responses import responses_caller
from .wire import says_nothing

if TYPE_CHECKING:
    from .acompletion.provider import AcompletionProvider
    from .pool import Pool, Response

T = TypeVar("T")


class Engine:
    """Sends requests to deployments, each in its format. `resolve` gives a deployment's key, or None.

    A deployment without such a format gets its requests through LiteLLM's public call; so do all while this process
    has callbacks or the like set in LiteLLM (`listeners`).
    """

    def __init__(self, resolve: Callable[[Deployment], str | None]) -> None:
        self._resolve = resolve
        self._made: dict[tuple[str, str], tuple[Deployment, Any]] = {}
        """What was made once for a deployment, by its id, of which there are as many as in the mapping, and by kind."""

    @cached_property
    def _public(self) -> AcompletionProvider:
        from .acompletion.provider import AcompletionProvider  # noqa: PLC0415 - most deployments have no use for it

        return AcompletionProvider(self._resolve)

    async def ready(self) -> None:
        """Import litellm off the event loop: other requests go on meanwhile."""
        if litellm.cache_info().currsize == 0:
            await asyncio.to_thread(litellm)

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        await self.ready()
        if native is not None and native.format == EMBEDDINGS:
            return await embedded(embedder_of(self._format(deployment)), native, self._resolve(deployment), _asked)
        call = await self._call(deployment, messages, params, native, stream=False)
        if call is None:
            return await self._public.complete(deployment, messages, params)
        try:
            response = await _pool().send(call.outgoing)
        except ErrorResponse as error:
            return _cut_off(call, error)
        answer = call.answer(await _whole(response), response.headers)
        if says_nothing(answer):
            raise no_answer()
        return answer

    async def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        await self.ready()
        call = await self._call(deployment, messages, params, native, stream=True)
        if call is None:
            async with aclosing(self._public.stream(deployment, messages, params)) as pieces:
                async for chunks in pieces:
                    yield chunks
            return
        try:
            response = await _pool().send(call.outgoing)
        except ErrorResponse as error:
            cut = _cut_off(call, error)
            ends = [{"index": one["index"], "delta": {}, "finish_reason": one["finish_reason"]} for one in cut.choices]
            yield [Chunk([end]) for end in ends]
            return
        decoder, until = call.decoder(), None
        try:
            while not decoder.ended and (part := await _part(response, decoder, until)):
                for chunks in _together(decoder.feed(part)):
                    yield chunks
                if decoder.finished and until is None:
                    until = asyncio.get_running_loop().time() + USAGE_SECONDS
            for chunks in _together(decoder.end()):
                yield chunks
            await response.linger()
        except ProviderFailure:
            if not decoder.begun and (usage := decoder.usage_so_far) is not None:
                yield (Chunk([], usage),)
            raise
        finally:
            response.close()

    async def _call(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None,
        *,
        stream: bool,
    ) -> Call | None:
        """None: LiteLLM's public call is to be used. LiteLLM's callbacks do not see native requests: it has no public
        call that passes a body on unchanged."""
        known = self._format(deployment)
        if native is not None:
            caller: NativeCaller = self._once(native.format, deployment, lambda _: NATIVE[native.format](known))
            return await caller.call(native, self._resolve(deployment), stream=stream)
        if known is None or not known.takes(params) or listened_to(litellm()):
            return None
        return await known.call(messages, params, self._resolve(deployment), stream=stream)

    async def count_tokens(self, deployment: Deployment, native: NativeRequest) -> int:
        await self.ready()
        caller = anthropics_caller(self._format(deployment))
        body, _ = await _asked(await caller.count(native, self._resolve(deployment)))
        return tokens_in(body)

    def dearest_prices(self, deployment: Deployment) -> DearestPrices | None:
        return self._once("prices", deployment, dearest_prices)

    def keep(self, deployments: Iterable[Deployment]) -> None:
        """Forget what was made for any others, such as those of a mapping that is no longer in force."""
        kept = {id(one) for one in deployments}
        self._made = {key: made for key, made in self._made.items() if id(made[0]) in kept}

    async def aclose(self) -> None:
        await _pool().aclose()
        await self._public.aclose()

    def _format(self, deployment: Deployment) -> Format | None:
        return self._once("format", deployment, format_of)

    def _once(self, kind: str, deployment: Deployment, make: Callable[[Deployment], T]) -> T:
        kept = self._made.get((deployment.id, kind))
        if kept is None or kept[0] is not deployment:
            kept = self._made[deployment.id, kind] = deployment, make(deployment)
        made: T = kept[1]
        return made


NATIVE: Mapping[str, Callable[[Format | None], NativeCaller]] = {
    "messages": messages_caller,
    "responses": responses_caller,
}
"""By the name of a native format: what sends requests to a deployment with this format of its own."""


def _cut_off(call: Call, error: ErrorResponse) -> ProviderAnswer:
    """The answer that a refusal stands for, where there is one. Raises ProviderFailure for any other refusal."""
    cut = call.cut_off(error) if isinstance(call, OpenAICall) else None
    if cut is None:
        raise refused(error) from None
    return cut


async def _asked(outgoing: Outgoing) -> tuple[bytes, Mapping[str, str]]:
    """The whole of an answer, and its headers. Raises ProviderFailure."""
    try:
        response = await _pool().send(outgoing)
    except ErrorResponse as error:
        raise refused(error) from None
    return await _whole(response), response.headers


async def _whole(response: Response) -> bytes:
    """The body of a success, whose connection is then let go. Raises ProviderFailure."""
    try:
        return await response.read()
    except BrokenOffError as error:
        raise broke_off() from error
    finally:
        response.close()


def _together(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    """All of them at once; where they end in a failure, those before it first."""
    found: list[Chunk] = []
    try:
        for chunk in chunks:
            found.append(chunk)
    except ProviderFailure:
        if found:
            yield found
        raise
    if found:
        yield found


async def _part(response: Response, decoder: Decoder, until: float | None) -> bytes:
    """What comes next of a stream; nothing once it is over. `until` is of the loop's time. Raises ProviderFailure."""
    try:
        async with asyncio.timeout_at(until):
            return await response.part()
    except TimeoutError:
        # The answer is complete, and nothing follows.
        return b""
    except BrokenOffError as error:
        if decoder.complete:
            # The connection was cut after the last event.
            return b""
        raise broke_off(begun=decoder.begun) from error


def _certificates() -> ssl.SSLContext | bool:
    """As LiteLLM checks them: with the operator's own authorities where the environment names some."""
    found: ssl.SSLContext | bool = litellm().llms.custom_httpx.http_handler.get_ssl_configuration()
    return found


@cache
def _pool() -> Pool:
    """The process's: Routers share its connections."""
    from .pool import Pool  # noqa: PLC0415 - heavy, and loaded with LiteLLM

    return Pool(_certificates)


def format_of(deployment: Deployment) -> Format | None:
    """The format that the engine uses for that deployment; None: LiteLLM's public call is used."""
    if (address := address_of(deployment)) is not None:
        return OpenAIFormat(deployment, address)
    if deployment.profile.own_api is OwnApi.AZURE:
        return azure_format(deployment)
    if deployment.profile.own_api is OwnApi.MANTLE:
        return mantle_format(deployment)
    if deployment.profile.bedrock and deployment.space is not None:
        # Its route is one of chats.
        return ConverseFormat(replace(deployment, litellm_model=ROUTE + deployment.model))
    if "messages" in deployment.profile.native_formats:
        return AnthropicFormat(deployment)
    return ConverseFormat(deployment) if is_conversed(deployment) else other_format(deployment)
