"""Asks one deployment once, through `litellm.acompletion`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ...routing.failures import ProviderFailure, no_answer
from ...routing.prices import usd_of
from ...routing.types import Chunk, Deployment, Message, ProviderAnswer
from ..addresses import goes_by_responses
from ..fields import arguments_of
from ..finishing import FinishReader
from ..loading import close_clients, litellm, warm_up
from ..prices import cost_of, cost_of_answer
from ..wire import UnreadableError, answer_of, says_nothing, usage_of
from .cancelling import call_cancellable
from .error_chain import failure_of
from .leftovers import leave_closed_loops
from .reading_along import reading
from .streams import Stream

PLACEHOLDER_KEY = "none"
"""These clients insist on a key; servers that an operator runs do not."""

TRANSPORT_TIMEOUT = 900.0
"""Seconds. `ChainExecution` ends an attempt long before. LiteLLM keeps a client, and with it the connections, for each
timeout it is given: a limit that differs from request to request would cost a TLS handshake each time."""

REGIONAL = "aws_role_name"
"""Whoever signs in with it is an AWS service, asked in a Region."""

_asking: set[object] = set()
"""One for each request under way, of any Router and on any event loop: LiteLLM's connections are the process's."""

_loops: set[asyncio.AbstractEventLoop] = set()
"""From which it was asked, and which were open when the last one came."""


class AcompletionProvider:
    """The `Provider` port over LiteLLM. `resolve` gives a deployment's key, or None."""

    def __init__(self, resolve: Callable[[Deployment], str | None]) -> None:
        self._resolve = resolve

    async def ready(self) -> None:
        """Import litellm off the event loop: other requests go on meanwhile."""
        if litellm.cache_info().currsize == 0:
            await asyncio.to_thread(warm_up)

    async def complete(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any]
    ) -> ProviderAnswer:
        await self.ready()
        arguments = self._arguments(deployment, messages, params)
        reader = FinishReader(deployment.profile.finish_reasons)
        asking = object()
        _asking.add(asking)
        try:
            answer = self._answer(deployment, await _asked(arguments, reader), reader)
        except UnreadableError as error:
            raise failure_of(error) from error
        finally:
            _asking.discard(asking)
        if says_nothing(answer):
            raise no_answer()
        return answer

    async def stream(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        await self.ready()
        arguments = self._arguments(deployment, messages, params)
        arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        reader = FinishReader(deployment.profile.finish_reasons, streamed=True)
        stream: Stream | None = None
        asking = object()
        _asking.add(asking)
        try:
            wrapper = await _asked(arguments, reader)
            price, choices = functools.partial(self._price, deployment), params.get("n") or 1
            stream = Stream(wrapper, choices=choices, price=price, reader=reader)
            async with aclosing(stream.chunks()) as chunks:
                async for chunk in chunks:
                    yield (chunk,)
        except (ProviderFailure, UnreadableError) as error:
            if stream is not None and not stream.begun and (usage := stream.usage_so_far) is not None:
                yield (Chunk([], usage),)
            if isinstance(error, ProviderFailure):
                raise
            raise failure_of(error, begun=stream is not None and stream.begun) from error
        finally:
            _asking.discard(asking)
            if stream is not None:
                await stream.aclose()

    def _answer(self, deployment: Deployment, response: Any, reader: FinishReader) -> ProviderAnswer:
        if reader.unsaid:
            raise UnreadableError("no finish_reason")
        usage = usage_of(getattr(response, "usage", None))
        cost = None if deployment.own_prices else cost_of_answer(deployment, response)
        answer = answer_of(response, usage, usd_of(deployment.info, usage) if cost is None else cost)
        return replace(answer, broken=reader.broken)

    def _price(self, deployment: Deployment, reported: Any, tier: str | None) -> float | None:
        cost = None if deployment.own_prices else cost_of(deployment, reported, tier)
        return usd_of(deployment.info, usage_of(reported)) if cost is None else cost

    async def aclose(self) -> None:
        if litellm.cache_info().currsize and not _asking:
            await close_clients()

    def _arguments(self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any]) -> dict[str, Any]:
        """What LiteLLM is called with. The operator's parameters come last: a caller cannot override them.
        Raises ProviderFailure where it would leave out what the request needs."""
        arguments = arguments_of(deployment, params)
        arguments |= {
            "model": deployment.litellm_model,
            "messages": messages,
            "timeout": TRANSPORT_TIMEOUT,
            "num_retries": 0,
            "max_retries": 0,
            # LiteLLM would look for tools of its own proxy among the caller's, and import that proxy to do so.
            "_skip_mcp_handler": True,
        }
        if deployment.base_model is not None:
            arguments |= _known_as(deployment, deployment.base_model, params)
        key = self._resolve(deployment)
        if deployment.api_base is not None:
            arguments["api_base"] = deployment.api_base
            if deployment.profile.placeholder_key:
                key = key or PLACEHOLDER_KEY
        if key is not None:
            arguments["api_key"] = key
        if deployment.region is not None and REGIONAL in deployment.profile.sign_in_params:
            arguments["aws_region_name"] = deployment.region
        return arguments


def _known_as(deployment: Deployment, model: str, params: Mapping[str, Any]) -> dict[str, str]:
    """For a deployment whose name does not say what it is, by which LiteLLM chooses the API."""
    if not goes_by_responses(deployment.provider, model, deployment.api_base, params):
        return {"base_model": model}
    provider, _, name = deployment.litellm_model.partition("/")
    return {"base_model": model, "model": f"{provider}/responses/{name}"}


async def _asked(arguments: Mapping[str, Any], reader: FinishReader) -> Any:
    """What LiteLLM gives. What goes wrong in there is the attempt's failure; what goes wrong elsewhere is a bug."""
    if (loop := asyncio.get_running_loop()) not in _loops:
        _loops.intersection_update([one for one in _loops if not one.is_closed()])
        _loops.add(loop)
        leave_closed_loops(litellm())
    try:
        with reading(reader):
            return await call_cancellable(litellm().acompletion, arguments)
    except Exception as error:
        raise failure_of(error) from error
