"""Where LiteLLM may send a request: to the address it was given, and to no other.

Its HTTP clients, and OpenAI's, follow redirects, with keys, operators' headers and prompts in them. Here they do not,
and a 3xx becomes an error of its own. `tests/integration/test_redirects.py` covers each of its ways of sending.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import httpx

from .inbound import bound


def no_second_send(library: Any) -> None:
    """An attempt is one request. LiteLLM sends a second one in two places, whatever its settings for retries:
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


def no_redirects(library: Any) -> None:
    """None of LiteLLM's clients follows one, neither those it will make nor those it has made already."""
    handlers = library.llms.custom_httpx.http_handler
    openai = library.llms.openai.common_utils.BaseOpenAILLM
    for owner, name in (
        (handlers.AsyncHTTPHandler, "create_client"),
        (handlers.HTTPHandler, "create_client"),
        (openai, "_get_async_http_client"),
        (openai, "_get_sync_http_client"),
    ):
        made = vars(owner)[name]
        static = isinstance(made, staticmethod)
        kept = _kept_home(made.__func__ if static else made)
        setattr(owner, name, staticmethod(kept) if static else kept)
    for client in library.in_memory_llm_clients_cache.cache_dict.values():
        _keep_home(getattr(client, "_client", None))
    for name in ("module_level_client", "module_level_aclient"):
        _keep_home(getattr(vars(library).get(name), "_client", None))
    sessions = library.llms.custom_httpx.aiohttp_handler.BaseLLMAIOHTTPHandler
    find = sessions._get_async_client_session

    def find_session(self: Any, dynamic_client_session: Any = None) -> Any:
        return _Session(find(self, dynamic_client_session))

    sessions._get_async_client_session = find_session


def no_fetches(library: Any) -> None:
    """LiteLLM fetches nothing that a message refers to by URL: it would read it whole before it looks at its size, and
    its guard lets addresses through that lead inside. Each of its fetches goes through these two.
    """
    library.user_url_validation = True
    urls = library.litellm_core_utils.url_utils

    def refuse(url: str) -> Any:
        raise urls.SSRFError("nothing is fetched here")

    urls.validate_url = refuse


def _kept_home(make: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(make)
    def make_and_keep(*args: Any, **kwargs: Any) -> Any:
        return _keep_home(make(*args, **kwargs))

    return make_and_keep


def _keep_home(client: Any) -> Any:
    if isinstance(client, httpx.Client | httpx.AsyncClient):
        client.follow_redirects = False
    if isinstance(client, httpx.AsyncClient):
        bound(client)
    return client


class _Session:
    """An aiohttp session whose POST is one request. What aiohttp calls a good answer includes a 3xx."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def post(self, url: str, **options: Any) -> Any:
        response = await self._session.post(url, **{**options, "allow_redirects": False})
        if 300 <= response.status < 400:
            response.release()
            request = httpx.Request("POST", url)
            seen = httpx.Response(response.status, headers=dict(response.headers), request=request)
            raise httpx.HTTPStatusError("a redirect", request=request, response=seen)
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
