"""What happens around a SnapStart snapshot: one environment is frozen, and many are thawed from it.

Before it, everything a first request needs is loaded and run once. After it, whatever must not be shared between
environments or does not survive the time between is made anew: connections, keys, credentials, randomness. A hook
asks for that; where none was called, the first invocation does: Lambda invokes only what was restored.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..api.errors import type_and_place
from ..bootstrap import build_router
from ..priming import prime
from ..routing.router import Router
from ..settings import Settings

logger = logging.getLogger("litellm_fallback_router")

RENEWAL_TIMEOUT = 8.0
"""Seconds that a hook or an invocation waits for the new Router: twice what reading the keys may take."""
RETRY = 5.0
"""Seconds before a Router that could not be made, or was late, is asked for again."""


async def before_checkpoint(settings: Settings) -> None:
    """Everything that a first request loads is loaded: thawed memory is read on demand, and the collector would touch,
    and so read, all of it for nothing."""
    await prime(settings)


class Holder(Protocol):
    """What holds the Router of an entry point."""

    router: Router


@dataclass
class Held:
    """A Holder with a Router alone."""

    router: Router


class Renewal:
    """Replaces the Router made before the snapshot by one made after it, on the first call after a restore: of the
    hook, or of an invocation. Once for each restore, on one event loop; calls meanwhile wait for the same Router.

    Where it fails, the Router from before stays (Bedrock answers by the function's role, without a key), the log says
    so, and an invocation tries again after `RETRY` seconds.
    """

    def __init__(
        self,
        holder: Holder,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        build: Callable[[], Router] | None = None,
    ) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen. `build` makes the new
        Router (blocking); by default it is that of the package's mapping."""
        self._holder = holder
        self._settings = settings
        self._clock = clock
        self._build = build or partial(build_router, settings)
        self._due = settings.snapshot
        self._not_before = 0.0
        self._under_way: asyncio.Task[None] | None = None

    async def before_checkpoint(self) -> None:
        """The hook before a snapshot: every environment restored from it needs a Router of its own."""
        self._due, self._not_before = True, 0.0
        await before_checkpoint(self._settings)

    async def done(self) -> None:
        """Returns once the Router is a new one, or after `RENEWAL_TIMEOUT` seconds. Raises nothing: it is logged."""
        if not self._due or self._clock() < self._not_before:
            return
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._renew())
        await asyncio.wait({self._under_way}, timeout=RENEWAL_TIMEOUT)
        if self._due:
            self._not_before = self._clock() + RETRY

    async def _renew(self) -> None:
        former = self._holder.router
        try:
            # In a thread: building reads the keys, and /health must not wait for that.
            self._holder.router = await asyncio.to_thread(renewed, self._build)
            self._due = False
            await former.aclose()
        except Exception as error:  # noqa: BLE001 - a gateway without some keys answers more than one that is down
            why = type_and_place(error)
            logger.error("the environment could not be renewed after its snapshot: %s", why)  # noqa: TRY400 - no text
        finally:
            self._under_way = None


def renewed(build: Callable[[], Router]) -> Router:
    """A Router with connections, keys, credentials and randomness of its own. Blocks while the keys are read."""
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)
    return build()
