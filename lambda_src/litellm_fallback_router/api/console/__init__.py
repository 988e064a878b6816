"""`/console`: one page that shows the chains and the requests as they flow, live by server-sent events.

The page itself holds nothing; what it shows comes from `/console/events`. Every caller's spending is there, so it asks
for an operator's key where callers need one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from ...routing.callers import CallerKey
from ...routing.mapping import RouterConfig
from ...routing.observe import Event, LiveObserver, TooManyViewersError
from ...routing.router import Router
from ..wire import encode

page = APIRouter(include_in_schema=False)
events = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
FILES = {"console.css": "text/css", "console.js": "text/javascript"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
REFRESH_SECONDS = 1.0
"""How often the state of the deployments is looked at."""
NOT_AN_OPERATOR = (
    "The console shows what every caller spends, and this is no operator's key: "
    "`fallback-router keys create --operator` makes one."
)
QUIET_SECONDS = 15.0
"""A comment is sent after so long without an event, so that no proxy closes the connection."""


@page.get("/console")
async def console(request: Request) -> Response:
    _live(request)
    return FileResponse(_FOLDER / "index.html", media_type="text/html", headers=HEADERS)


@page.get("/console/{name}")
async def console_file(name: str, request: Request) -> Response:
    _live(request)
    if name not in FILES:
        raise HTTPException(404)
    return FileResponse(_FOLDER / name, media_type=FILES[name], headers=HEADERS)


@events.get("/console/events")
async def console_events(request: Request) -> Response:
    live = _live(request)
    key: CallerKey | None = request.state.key
    if not request.app.state.open_console and not (key is not None and key.operator):
        raise HTTPException(403, NOT_AN_OPERATOR)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(live, request.app), media_type="text/event-stream", headers=headers)


def _live(request: Request) -> LiveObserver:
    live: LiveObserver | None = request.app.state.router.live
    if live is None:
        raise HTTPException(404)
    return live


async def _events(live: LiveObserver, app: FastAPI) -> AsyncIterator[bytes]:
    try:
        with live.viewer() as queue:
            pictures = _Pictures(live)
            while True:
                # The mapping may be another one by now, and with it the Router.
                for picture in await pictures.new(app.state.router):
                    yield picture
                until = asyncio.get_running_loop().time() + REFRESH_SECONDS
                while (left := until - asyncio.get_running_loop().time()) > 0:
                    try:
                        event = await asyncio.wait_for(queue.get(), left)
                    except TimeoutError:
                        break
                    if event is None:
                        return
                    yield _event(event["event"], event)
    except TooManyViewersError:
        yield _event("refused", {"reason": "too many look at this gateway already; close another console"})


class _Pictures:
    """The chains and the state of one viewer's page."""

    def __init__(self, live: LiveObserver) -> None:
        self._live = live
        self._config: RouterConfig | None = None
        self._state: Event | None = None
        self._quiet = 0.0
        """Seconds since something was new."""

    async def new(self, router: Router) -> list[bytes]:
        """The events that bring the page up to date; a comment where there has been none for long."""
        found: list[bytes] = []
        if router.config is not self._config:
            self._config, self._state = router.config, None
            found.append(_event("chains", _chains(router.config)))
        state = {"deployments": await router.status(), "totals": self._live.totals}
        if state != self._state:
            self._state = state
            found.append(_event("state", state))
        self._quiet = 0.0 if found else self._quiet + REFRESH_SECONDS
        if self._quiet >= QUIET_SECONDS:
            self._quiet = 0.0
            found.append(b": alive\n\n")
        return found


def _chains(config: RouterConfig) -> dict[str, Any]:
    chains = {
        name: [[one.id for one in config.group(model)] for model in chain] for name, chain in config.chains.items()
    }
    return {"chains": chains, "strategies": sorted(config.strategies)}


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + encode(data) + b"\n\n"
