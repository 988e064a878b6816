"""Asks one deployment once, through `litellm.acompletion`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from ...routing.failures import FailureKind, ProviderFailure
from ...routing.ledger import Usage
from ...routing.types import Chunk, Deployment, Message, ProviderAnswer
from .cancelling import called
from .failures import failure_of
from .fields import arguments_of
from .loading import let_go, litellm, warm_up
from .prices import cost_of
from .wire import answer_of, chunk_of, is_token, usage_of

TAKES_ANY_KEY = frozenset({"openai", "anthropic", "hosted_vllm", "lm_studio", "openai_like"})
PLACEHOLDER_KEY = "none"
"""These clients insist on a key; servers people run themselves do not."""

TRANSPORT_TIMEOUT = 900.0
"""Seconds. The walker ends an attempt long before. LiteLLM keeps a client, and with it the connections, for each
timeout it is told: a limit that differs from request to request would cost a TLS handshake each time."""

_asking: set[object] = set()
"""One for each request under way, of any Router and on any event loop: LiteLLM's connections are the process's."""


class LiteLLMProvider:
    """The `Provider` port over LiteLLM. `resolve` gives a deployment's key, or None."""

    def __init__(self, resolve: Callable[[Deployment], str | None]) -> None:
        self._resolve = resolve

    async def complete(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any]
    ) -> ProviderAnswer:
        await _loaded()
        arguments = self._arguments(deployment, messages, params)
        asking = object()
        _asking.add(asking)
        try:
            response = await called(litellm().acompletion, arguments)
        except Exception as error:
            raise failure_of(error) from error
        finally:
            _asking.discard(asking)
        usage = usage_of(response)
        cost = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
        answer = answer_of(response, usage, self.estimate_cost(deployment, usage) if cost is None else cost)
        if not answer.choices or _says_nothing(answer):
            raise ProviderFailure(FailureKind.INVALID_RESPONSE, "200 without an answer", status=200)
        return answer

    async def stream(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk, None]:
        await _loaded()
        arguments = self._arguments(deployment, messages, params)
        arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        begun = called_tools = False
        several = (params.get("n") or 1) > 1
        unfinished = set(range(params["n"] if several else 0))
        wrapper: Any = None
        asking = object()
        _asking.add(asking)
        try:
            wrapper = await called(litellm().acompletion, arguments)
            source = _every_choice(wrapper) if several else wrapper
            async for piece in source:
                chunk = self._chunk(deployment, piece)
                for choice in chunk.choices:
                    called_tools = called_tools or "tool_calls" in choice["delta"]
                    if choice["finish_reason"]:
                        unfinished.discard(choice["index"])
                        if source is wrapper:
                            _insist_on_finish(wrapper, begun=begun)
                    if choice["finish_reason"] == "tool_calls" and not called_tools:
                        # LiteLLM has some Bedrock models write JSON by a tool it then hides.
                        choice["finish_reason"] = "stop"
                begun = begun or is_token(chunk)
                yield chunk
        except ProviderFailure:
            raise
        except Exception as error:
            raise failure_of(error, begun=begun) from error
        finally:
            _asking.discard(asking)
            if wrapper is not None:
                await wrapper.aclose()
        if unfinished:
            raise _unfinished(begun=begun)

    def _chunk(self, deployment: Deployment, piece: Any) -> Chunk:
        reported = getattr(piece, "usage", None)
        if reported is None:
            return chunk_of(piece, None, None)
        usage = usage_of(piece)
        cost = cost_of(deployment, reported)
        return chunk_of(piece, usage, self.estimate_cost(deployment, usage) if cost is None else cost)

    def estimate_cost(self, deployment: Deployment, usage: Usage) -> float | None:
        info = deployment.info
        if info.input_usd_per_token is None or info.output_usd_per_token is None:
            return None
        cached = info.cached_usd_per_token if info.cached_usd_per_token is not None else info.input_usd_per_token
        fresh = usage.prompt_tokens - usage.cached_tokens
        return (
            fresh * info.input_usd_per_token
            + usage.cached_tokens * cached
            + usage.completion_tokens * info.output_usd_per_token
        )

    async def aclose(self) -> None:
        if litellm.cache_info().currsize and not _asking:
            await let_go()

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
        key = self._resolve(deployment)
        if deployment.api_base is not None:
            arguments["api_base"] = deployment.api_base
            if deployment.provider in TAKES_ANY_KEY:
                key = key or PLACEHOLDER_KEY
        if key is not None:
            arguments["api_key"] = key
        if deployment.region is not None and deployment.provider == "bedrock":
            arguments["aws_region_name"] = deployment.region
        return arguments


def _says_nothing(answer: ProviderAnswer) -> bool:
    """True for an empty message without any usage: LiteLLM makes up a finish reason for whatever has choices.

    A model may say nothing, as where its first word is a stop string; the tokens of the prompt show that it was asked.
    """
    said = any(value for choice in answer.choices for name, value in choice["message"].items() if name != "role")
    return not said and answer.usage.total_tokens == 0


async def _loaded() -> None:
    """Import litellm off the event loop: other requests go on meanwhile."""
    if litellm.cache_info().currsize == 0:
        await asyncio.to_thread(warm_up)


def _insist_on_finish(wrapper: Any, *, begun: bool) -> None:
    """LiteLLM makes up a `stop` when a stream just ends; an answer is complete only if the provider said so."""
    if wrapper.received_finish_reason is None and wrapper.intermittent_finish_reason is None:
        raise _unfinished(begun=begun)


def _unfinished(*, begun: bool) -> ProviderFailure:
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    return ProviderFailure(kind, "the stream ended without a finish reason")


def _every_choice(wrapper: Any) -> Any:
    """A stream of several choices, as OpenAI's client reads it: LiteLLM ends one with its first choice, and drops what
    the others say after that. Streams of other makes stay LiteLLM's."""
    from openai import AsyncStream  # noqa: PLC0415 - heavy, and loaded by LiteLLM at this point

    return wrapper.completion_stream if isinstance(wrapper.completion_stream, AsyncStream) else wrapper
