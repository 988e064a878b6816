"""The mapping of a stage on AWS, which changes without a deployment.

It is read when an environment starts, or is restored from a snapshot. After that a request that finds the reading old
has another begun behind itself, and goes on with the Router there is. Only in an environment that nobody asked for a
while does it wait, briefly: what was in force when it fell asleep may have been taken back. What cannot be read, or is
refused, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .bootstrap import build_router
from .reloading import Holder, Reloader, bug_of, refused
from .routing.errors import ConfigurationError
from .routing.router import Router
from .settings import Settings

if TYPE_CHECKING:
    from .adapters.appconfig import MappingFeed

POLL_SECONDS = 45.0
"""How old a reading may be before a request has another one begun."""
STALE_SECONDS = 2 * POLL_SECONDS
"""How old a reading may be before a request waits for that other one: an environment that is asked has none so old."""
WAIT_SECONDS = 2.0
"""For which it waits at most, a new connection and the building of a Router included."""
SOURCE = "AppConfig"

logger = logging.getLogger("litellm_fallback_router")


def _feed(place: str) -> MappingFeed:
    from .adapters.appconfig import MappingFeed  # noqa: PLC0415 - AWS's libraries, only where they are used

    return MappingFeed(place)


class LiveMapping:
    """For a process that answers one request at a time and may be frozen in between."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        feed: Callable[[str], MappingFeed] = _feed,
    ) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen. `feed` makes a session."""
        self._settings = settings
        self._clock = clock
        self._new_feed = feed
        self._feed: MappingFeed | None = None
        self._taken: bytes | None = None
        """What was last put in force, or refused."""
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    def router(self, *, read_keys: bool = True) -> Router:
        """A Router with the mapping that is deployed, else with the package's. Blocks while it and the keys are read.

        With `read_keys` false nothing is read: a snapshot of this process is still to be taken.
        """
        place = self._settings.appconfig
        if place is None or not read_keys:
            return build_router(self._settings, read_keys=read_keys)
        self._feed = self._new_feed(place)
        self._taken = self._latest(self._feed)
        if self._taken is not None:
            try:
                return build_router(self._settings, self._mapping(self._taken))
            except ConfigurationError as error:
                problems = error.problems
            except Exception as error:  # noqa: BLE001 - a pushed mapping must not keep every new environment from starting
                problems = [bug_of(error)]
            router = build_router(self._settings)
            refused(SOURCE, problems, router)
            return router
        return build_router(self._settings)

    async def look(self, holder: Holder) -> None:
        """Begin a reading where the last is old, and wait for it, `WAIT_SECONDS` at most, where that is stale."""
        if self._feed is None:
            return
        age = self._clock() - self._read_at
        if self._reading is None and age >= POLL_SECONDS:
            self._reading = asyncio.create_task(self._read(self._feed, holder))
        # One that is under way may have been frozen with the environment.
        if self._reading is not None and age >= STALE_SECONDS:
            await asyncio.wait({self._reading}, timeout=WAIT_SECONDS)

    async def _read(self, feed: MappingFeed, holder: Holder) -> None:
        try:
            content = await asyncio.to_thread(self._latest, feed)
            # A restore meanwhile has begun another session, and read it.
            if content is None or content == self._taken or feed is not self._feed:
                return
            self._taken = content
            try:
                mapping = self._mapping(content)
            except ConfigurationError as error:
                refused(SOURCE, error.problems, holder.router)
                return
            await Reloader(holder, self._settings).take(mapping, SOURCE)
        finally:
            self._reading = None

    def _latest(self, feed: MappingFeed) -> bytes | None:
        from .adapters.appconfig import FeedLostError  # noqa: PLC0415 - as above

        self._read_at = self._clock()
        try:
            return feed.latest()
        except FeedLostError as error:
            logger.warning("the mapping in AppConfig could not be read, the one in force stays: %s", error)
            return None

    @staticmethod
    def _mapping(content: bytes) -> Any:
        from .adapters.appconfig import mapping_in  # noqa: PLC0415 - as above

        return mapping_in(content)


class Looking:
    """ASGI middleware: each request has the mapping looked at."""

    def __init__(self, app: ASGIApp, live: LiveMapping, holder: Holder) -> None:
        self._app = app
        self._live = live
        self._holder = holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._live.look(self._holder)
        await self._app(scope, receive, send)
