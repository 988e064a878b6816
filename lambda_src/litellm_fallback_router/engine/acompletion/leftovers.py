"""What LiteLLM would leave behind, or load without use, in its public call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import Any


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


class _Tokenizer:
    """LiteLLM's own, loaded when other code counts with it."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


def count_no_tokens(library: Any) -> None:
    """LiteLLM loads its tokenizer (46 MB, 0.1 s) to hand it to the code of every provider but OpenAI, where nothing
    uses it."""
    library.main._encoding_cache = _Tokenizer(library.main._load_default_encoding)


def no_gateway_tools(library: Any) -> None:
    """Where LiteLLM uses the Responses API in place of chat completions, it imports its own proxy, which is not
    installed, to look for that proxy's tools among the caller's."""

    def none(**_: Any) -> None:
        return None

    # The package's attribute of that name is the function.
    asked = inspect.unwrap(library.responses)
    asked.__globals__["_responses_try_dispatch_mcp_gateway"] = none


def keep_once(library: Any) -> None:
    """LiteLLM keeps a second copy of its price map (10 MB), which only its proxy reads, and a tokenizer's vocabulary as
    the objects that it was read from (10 MB), which nothing reads."""
    library.litellm_core_utils.get_model_cost_map.GetModelCostMap._loaded_catalog = MappingProxyType({})
    vars(library.utils).pop("json_data", None)
