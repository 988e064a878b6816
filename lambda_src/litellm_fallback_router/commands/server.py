"""uvicorn as the local gateway runs it: ready before its port is open, and honest to callers when it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ..priming import prime
from ..routing.router import Router
from ..settings import Settings
from .connections import Connection, allow_open_files

DRAIN_SECONDS = 6.0
"""Seconds for answers under way when the gateway is stopped. With what follows less than the 10 s after which
`docker stop` kills."""
LAST_WORDS_SECONDS = 1.0
"""Seconds in which callers still under way get the error that the gateway stops; then their connections are closed."""
KEEP_ALIVE_SECONDS = 30
"""Longer than official clients keep an idle connection (5 s), so that none is closed under a request of theirs."""


class Server(uvicorn.Server):
    """Answers the first request as fast as any other: all that it needs is loaded before the port is opened. LiteLLM
    must have been imported.

    A signal to stop lets answers under way finish, for a time; a second one does not wait for them.
    """

    def __init__(
        self,
        app: ASGIApp,
        router: Router,
        settings: Settings,
        announce: Callable[[], Awaitable[None]],
        *,
        drain: float = DRAIN_SECONDS,
    ) -> None:
        """`drain`: seconds for answers under way when it is stopped."""
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain + 2 * LAST_WORDS_SECONDS,  # type: ignore[arg-type] # a float will do
            )
        )
        self._router = router
        self._settings = settings
        self._announce = announce
        self._drain = drain
        self._hurry = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        allow_open_files()
        await asyncio.to_thread(asyncio.run, prime(self._settings))
        await super().startup(sockets)
        if not self.should_exit:
            await self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            asyncio.get_running_loop().call_soon_threadsafe(self._hurry.set)
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._router.live is not None:
            self._router.live.close()  # those who look at it would have the server wait for them
        ending = asyncio.create_task(self._end_what_is_left())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _end_what_is_left(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                await self._hurry.wait()
        self._router.stop()
        for task in tuple(self.server_state.tasks):
            task.cancel()
        await asyncio.sleep(LAST_WORDS_SECONDS)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
