"""Everything that leans on how LiteLLM is built inside; tests/integration/test_litellm_internals.py holds it to it.

What LiteLLM would do in silence is mended. A call skips what LiteLLM does for its own callbacks, caches and budgets
where nobody uses them. And answers in OpenAI's format are read as JSON, once, instead of being built up as objects
three times over. LiteLLM still makes the request, holds the connection, and names what went wrong. Where it turns out
to be built otherwise, or somebody does use one of the things that are skipped, its public call is used.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from .wire import UnreadableError, counted

LISTENERS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
    "pre_call_rules",
    "post_call_rules",
    "credential_list",
    "cache",
    "max_budget",
    "model_fallbacks",
    "enable_json_schema_validation",
)
"""Settings of LiteLLM's that its wrapper around each call serves. Empty or off unless somebody set them."""
WRAPPERS_OWN = frozenset(
    {"callbacks", "success_callback", "failure_callback", "logger_fn", "cache", "caching", "litellm_credential_name"}
    | {"enable_json_schema_validation", "context_window_fallback_dict", "hf_model_name", "complete_response"}
    | {"fallbacks", "web_search_options", "input_cost_per_token", "output_cost_per_token"}
    | {"input_cost_per_second", "output_cost_per_second", "cost_per_second"}
)
"""Parameters that do the same for one call, and those whose price only the wrapper can tell."""
SDK_OPTIONS = {"extra_headers": "headers", "extra_query": "params", "extra_body": "extra_json"}
"""Parameters of `chat.completions.create` that are no part of the body, and what `post` calls them."""
HEAR_OUT_SECONDS = 0.1
REQUEST = ["self", "openai_aclient", "data", "timeout", "logging_obj"]
"""Parameters of the method of LiteLLM's that sends a request in OpenAI's format."""
OURS = "_read_as_json"
"""Set on the logging object of a call of ours, which LiteLLM hands through to where the request is sent."""


def no_second_send(library: Any) -> None:
    """An attempt is one request. LiteLLM sends a second one in two places, whatever it is told about retries:
    after a 422 from an OpenAI-compatible server (and then answers None), and after a lost connection.

    Both are replaced by raising what happened. The tests of the failure table count the requests a provider got,
    and fail when an upgrade moves these.
    """

    def raise_unprocessable(error: Exception, data: object) -> None:
        raise error

    async def raise_lost_connection(self: object, **request: object) -> None:
        raise  # noqa: PLE0704 - called from the handler of the exception it raises again

    library.llms.openai.openai.drop_params_from_unprocessable_entity_error = raise_unprocessable
    handler = library.llms.custom_httpx.http_handler.AsyncHTTPHandler
    handler.single_connection_post_request = raise_lost_connection


def no_orphans(worker: Any) -> None:
    """LiteLLM has one worker for its reports, on one event loop. When a call comes from another loop the worker moves
    there and drops its task on the first without ending it, over which Python complains on stderr: "Task was
    destroyed but it is pending!". Scripts that use `complete_sync` and async code do that. So the task is ended.
    """
    move = worker._ensure_queue

    def move_and_end(self: Any) -> None:
        before = self._worker_task
        move(self)
        if before is not None and self._worker_task is None and not before.get_loop().is_closed():
            before.get_loop().call_soon_threadsafe(before.cancel)

    worker._ensure_queue = move_and_end


class Calls:
    """Asks LiteLLM, by the short way where it is open."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._loops: frozenset[asyncio.AbstractEventLoop] = frozenset()
        """From which it was asked, and which were open when the last one came."""
        self.short = _is_built_as_known(library)
        """False where this LiteLLM is not built as known: all calls go the public way."""
        if self.short:
            self._inner = library.main.acompletion.__wrapped__
            self._build = inspect.unwrap(library.main.completion)
            _read_as_json(library)
            _count_no_tokens(library)

    async def acompletion(self, **arguments: Any) -> Any:
        """What `litellm.acompletion` gives and raises; a stream may have events to be read: see `events_of`."""
        if (loop := asyncio.get_running_loop()) not in self._loops:
            self._loops = frozenset(one for one in (*self._loops, loop) if not one.is_closed())
            leave_closed_loops(self._library)
        if not self.short or self.are_served(arguments):
            return await self._library.acompletion(**arguments)
        utils = self._library.utils
        log, prepared = utils.function_setup(
            "acompletion", utils.Rules(), datetime.now(), litellm_call_id=str(uuid.uuid4()), **arguments
        )
        setattr(log, OURS, True)
        if prepared["model"].startswith("openai/"):
            return await self._without_a_thread(prepared, log)
        return await self._inner(**prepared, litellm_logging_obj=log)

    async def _without_a_thread(self, prepared: dict[str, Any], log: Any) -> Any:
        """LiteLLM builds each request in a thread, since some providers' have to wait; OpenAI's never does."""
        try:
            made = self._build(**prepared, litellm_logging_obj=log, acompletion=True)
            return await made if inspect.isawaitable(made) else made
        except Exception as error:
            named = _named(self._library, error, prepared["model"])
            if named is error:
                raise
            raise named from error

    def are_served(self, arguments: Mapping[str, Any]) -> bool:
        """True where somebody wants for this call what the short way leaves out."""
        return not WRAPPERS_OWN.isdisjoint(arguments) or any(map(self._is_set, LISTENERS))

    def _is_set(self, name: str) -> bool:
        """Gemini's code makes a cache of its own, which puts itself on LiteLLM's lists; it is not LiteLLM's cache."""
        value = getattr(self._library, name)
        return bool(value) and not (value == ["cache"] and self._library.cache is None)


def leave_closed_loops(library: Any) -> None:
    """LiteLLM keeps its clients by event loop, and with them the connections of loops that are closed: of each
    `asyncio.run` in a program. Nobody can use or await those any more.
    """
    cache = library.in_memory_llm_clients_cache
    shared = vars(library).get("module_level_aclient")
    for key, client in [*cache.cache_dict.items(), (None, shared)]:
        session = _session_of(client)
        if session is not None and session._loop.is_closed():
            session._connector._close()
            cache.cache_dict.pop(key, None)
            cache.ttl_dict.pop(key, None)


def _session_of(client: Any) -> Any:
    """The aiohttp session below a client of LiteLLM's; None where it has made none yet."""
    transport = getattr(getattr(client, "client", None) or getattr(client, "_client", None), "_transport", None)
    session: Any = getattr(transport, "client", None)
    return session if hasattr(session, "_connector") and not session.closed else None


class Events:
    """The events of a stream in OpenAI's format, as JSON."""

    def __init__(self, library: Any, response: httpx.Response) -> None:
        self._library = library
        self._response = response

    async def read(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """What each arrival of bytes completes. Ends at `[DONE]`, or with the bytes.

        Source: WHATWG HTML, "Interpreting an event stream"; OpenAI, "Streaming API responses".
        """
        rest, data = b"", b""
        parts = self._response.aiter_bytes()
        async for part in parts:
            *lines, rest = (rest + part).split(b"\n")
            events: list[dict[str, Any]] = []
            for line in lines:
                if line.startswith(b"data:"):
                    data += line[5:]
                elif data and line in (b"", b"\r"):
                    if data.strip() == b"[DONE]":
                        yield events
                        await _hear_out(parts)
                        return
                    try:
                        events.append(self._event(data))
                    except Exception:
                        # What came before it in the same bytes is part of the answer.
                        yield events
                        raise
                    data = b""
            if events:
                yield events

    def _event(self, data: bytes) -> dict[str, Any]:
        event = _object(data)
        if error := event.get("error"):
            openai = self._library.llms.openai.openai.openai
            message = error.get("message") if isinstance(error, dict) else None
            raise _named(self._library, openai.APIError(str(message), request=self._response.request, body=error))
        return event

    async def aclose(self) -> None:
        await self._response.aclose()


async def _hear_out(parts: AsyncIterator[bytes]) -> None:
    """Read to the very end, so that the connection can be used again; not for long, since all has been said."""
    try:
        async with asyncio.timeout(HEAR_OUT_SECONDS):
            async for _ in parts:
                pass
    except (TimeoutError, httpx.TransportError):
        return


def events_of(wrapper: Any) -> Events | None:
    """What is behind LiteLLM's stream, where that is in OpenAI's format and untouched."""
    stream = getattr(wrapper, "completion_stream", None)
    return stream if isinstance(stream, Events) else None


def _named(library: Any, error: Exception, model: str = "") -> Exception:
    """The error as LiteLLM names it, which tells apart what only its text does."""
    try:
        library.exception_type(model=model, custom_llm_provider="openai", original_exception=error)
    except Exception as named:  # noqa: BLE001 - it is raised, not returned
        return named
    return error


class _Answer:
    """A whole answer as LiteLLM takes one from OpenAI's client. What it would make up must be there."""

    def __init__(self, response: httpx.Response) -> None:
        self._body = _object(response.content)
        choices = self._body.get("choices")
        if isinstance(choices, list) and any(isinstance(one, dict) and not one.get("finish_reason") for one in choices):
            raise UnreadableError("no finish_reason")
        if counted(self._body.get("usage")) is None:
            self._body.pop("usage", None)

    def model_dump(self) -> dict[str, Any]:
        return self._body


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableError("no JSON") from error
    if isinstance(found, dict):
        return found
    raise UnreadableError("JSON that is no object")


def _read_as_json(library: Any) -> None:
    """Have the requests of our calls, and of nobody else's, answered with JSON instead of OpenAI's objects."""
    module = library.llms.openai.openai
    handler = module.OpenAIChatCompletion
    as_objects = handler.make_openai_chat_completion_request

    async def request(
        self: Any, openai_aclient: Any, data: dict[str, Any], timeout: Any, logging_obj: Any
    ) -> tuple[dict[str, str], Any]:
        if not getattr(logging_obj, OURS, False):
            answered: tuple[dict[str, str], Any] = await as_objects(
                self, openai_aclient=openai_aclient, data=data, timeout=timeout, logging_obj=logging_obj
            )
            return answered
        streamed = bool(data.get("stream"))
        options = {option: data[name] for name, option in SDK_OPTIONS.items() if data.get(name)}
        try:
            response = await openai_aclient.post(
                "/chat/completions",
                cast_to=httpx.Response,
                body={name: value for name, value in data.items() if name not in SDK_OPTIONS},
                options={**options, "timeout": timeout},
                stream=streamed,
                stream_cls=module.openai.AsyncStream,
            )
        except module.openai.BadRequestError as error:
            if not module.is_output_token_limit_error(error):
                raise
            limited: tuple[dict[str, str], Any] = module.build_output_token_limit_response(
                e=error, data=data, is_async=True
            )
            return limited
        return dict(response.headers), Events(library, response) if streamed else _Answer(response)

    handler.make_openai_chat_completion_request = request


class _Tokenizer:
    """LiteLLM's own, loaded when somebody counts with it."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


def _count_no_tokens(library: Any) -> None:
    """LiteLLM loads its tokenizer (46 MB, 0.1 s) to hand it to the code of every provider but OpenAI, where nothing
    uses it; and it counts what a broken stream had said for reports that nobody gets of our calls.
    """
    library.main._encoding_cache = _Tokenizer(library.main._load_default_encoding)
    wrapper = library.CustomStreamWrapper
    count = wrapper._record_partial_usage_for_failure

    def count_for_others(self: Any) -> None:
        if not getattr(self.logging_obj, OURS, False):
            count(self)

    wrapper._record_partial_usage_for_failure = count_for_others


def _is_built_as_known(library: Any) -> bool:
    try:
        utils, module = library.utils, library.llms.openai.openai
        request = module.OpenAIChatCompletion.make_openai_chat_completion_request
        parts = (
            library.main.acompletion.__wrapped__,
            library.main.completion.__wrapped__,
            library.main._load_default_encoding,
            library.CustomStreamWrapper._record_partial_usage_for_failure,
            library.exception_type,
            utils.function_setup,
            utils.Rules,
            module.is_output_token_limit_error,
            module.build_output_token_limit_response,
        )
        for name in LISTENERS:
            getattr(library, name)
    except AttributeError:
        return False
    return all(callable(part) for part in parts) and [*inspect.signature(request).parameters] == REQUEST
