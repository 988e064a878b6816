"""The gateway's ASGI app."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import Depends, FastAPI
from starlette.datastructures import State

from ..routing.ports import CallerKeys
from ..routing.router import Router
from . import console, counting, docs, errors, formats, handler, health, models
from .admission import Admission
from .auth import ApiKeys
from .middleware import AzurePaths, Cors, RequestContextMiddleware

DESCRIPTION = """An LLM gateway that always answers: one endpoint in front of fallback chains, which says honestly who
answered, why, how fast and for how much. Point any OpenAI client's base URL at `/v1`."""


def create_app(
    router_factory: Callable[[], Router],
    *,
    api_keys: Sequence[str] = (),
    caller_keys: CallerKeys | None = None,
    one_at_a_time: bool = False,
    open_console: bool = False,
    beside: Callable[[State], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """`router_factory` is called once, when the app starts. Callers need one of `api_keys`, which limit nothing, or of
    `caller_keys`; without either anyone who can connect may ask.

    `open_console`: whoever can connect may look at the console; otherwise an operator's key is needed.
    `one_at_a_time`: the caller of this app waits for its answer before the next request, as Lambda does.
    `beside`: what runs while the app does; it may put another Router in the place of the state's `router`.
    """
    keys = ApiKeys(api_keys, caller_keys, behind_authorizer=one_at_a_time)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.router = router_factory()
        app.state.started = int(time.time())
        try:
            async with nullcontext() if beside is None else beside(app.state):
                yield
        finally:
            await app.state.router.aclose()

    app = FastAPI(
        title="LiteLLM Fallback Router",
        description=DESCRIPTION,
        version=health.package_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Starlette would send "/v1/chat/completions/" on to an address made of the Host header, by plain HTTP where
        # something in front of the gateway ends TLS: a client would repeat the prompt there.
        redirect_slashes=False,
        # FastAPI's own telemetry would export exception messages, which may quote a prompt.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.openapi = lambda: docs.describe(app)  # type: ignore[method-assign] # FastAPI's documented way
    if not one_at_a_time:
        app.add_middleware(Admission, keys=keys)
    app.add_middleware(RequestContextMiddleware)
    app.add_middleware(Cors)
    app.add_middleware(AzurePaths)
    errors.install(app)
    with_key = [*(handler.routes(form) for form in formats.FORMATS), models.routes, counting.routes]
    for routes in with_key:
        app.include_router(routes, dependencies=[Depends(keys)])
    app.include_router(health.routes)
    app.include_router(docs.routes)
    app.include_router(console.events, dependencies=[Depends(keys)])
    app.include_router(console.page)
    app.state.open_console = open_console
    app.state.endpoints = errors.endpoints([*with_key, health.routes])
    return app
