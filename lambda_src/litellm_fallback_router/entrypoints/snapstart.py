"""What happens around a SnapStart snapshot: one environment is frozen, and many are thawed from it.

Before it, everything a first request needs is loaded and run once. After it, whatever must not be shared between
environments or does not survive the time between is made anew: connections, keys, credentials, randomness. A hook
asks for that; where none was called, the first invocation does: Lambda invokes only what was restored.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import httpx
from fastapi import FastAPI

from ..api.app import create_app
from ..api.errors import type_and_place
from ..bootstrap import assemble, build_router, load
from ..collector import resting
from ..routing.config import RouterConfig
from ..routing.router import Router
from ..settings import Settings
from ..simulated import simulated

logger = logging.getLogger("litellm_fallback_router")

PATIENCE = 8.0
"""Seconds that a hook or an invocation waits for the new Router: twice what reading the keys may take."""
RETRY = 5.0
"""Seconds before a Router that could not be made, or was late, is asked for again."""

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "router": {"fallback": False}}


async def before_checkpoint(settings: Settings) -> None:
    """Ask this gateway's own API for each model once, with a closed port in the providers' place.

    The first request to a provider imports what only it needs: 0.1 to 0.5 s. A stream, tools or a second deployment
    of the same model would load nothing more.
    """
    with _closed_port() as url, resting():
        await _ask_each_model(load(settings.model_copy(update={"simulator_url": None})), url)
        # Thawed memory is read on demand. The collector would touch, and so read, all of it for nothing; to collect
        # once more before, it walks half a million objects (0.3 s) and finds less than a megabyte.
        gc.freeze()


class Holder(Protocol):
    """Where a door keeps its Router."""

    router: Router


@dataclass
class Held:
    """A Holder of nothing else."""

    router: Router


class Renewal:
    """Puts a Router made after the snapshot in the place of the one made before it, whoever asks for it first: the
    hook after a restore, or an invocation. Once for each restore, on one event loop; whoever asks meanwhile waits for
    the same one.

    Where it fails, the Router from before stays (Bedrock answers by the function's role, without a key), the log says
    so, and an invocation tries again after `RETRY` seconds.
    """

    def __init__(self, holder: Holder, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen."""
        self._holder = holder
        self._settings = settings
        self._clock = clock
        self._due = settings.snapshot
        self._not_before = 0.0
        self._under_way: asyncio.Task[None] | None = None

    async def before_checkpoint(self) -> None:
        """The hook before a snapshot: whoever is restored from it needs a Router of its own."""
        self._due, self._not_before = True, 0.0
        await before_checkpoint(self._settings)

    async def done(self) -> None:
        """Returns once the Router is a new one, or after `PATIENCE` seconds. Raises nothing: it is logged."""
        if not self._due or self._clock() < self._not_before:
            return
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._renew())
        await asyncio.wait({self._under_way}, timeout=PATIENCE)
        if self._due:
            self._not_before = self._clock() + RETRY

    async def _renew(self) -> None:
        former = self._holder.router
        try:
            # In a thread: building reads the keys, and whoever asks for /health should not wait for that.
            self._holder.router = await asyncio.to_thread(renewed, self._settings)
            self._due = False
            await former.aclose()
        except Exception as error:  # noqa: BLE001 - a gateway without some keys answers more than one that is down
            why = type_and_place(error)
            logger.error("the environment could not be renewed after its snapshot: %s", why)  # noqa: TRY400 - no text
        finally:
            self._under_way = None


def renewed(settings: Settings) -> Router:
    """A Router with connections, keys, credentials and randomness of its own. Blocks while the keys are read."""
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)
    return build_router(settings)


async def _ask_each_model(config: RouterConfig, url: str) -> None:
    closed = simulated(config, url)
    moved = zip(config.deployments, closed.deployments, strict=True)
    models = {after.litellm_model: after.model_name for before, after in moved if after is not before}
    # Without a guardrail: there is none to ask here, and without its verdict no provider would be asked.
    alone = replace(closed, settings=closed.settings.model_copy(update={"max_attempts": 1}), guardrail=None)
    router = assemble(alone)
    gateway = create_app(lambda: router)
    with _silence():
        async with gateway.router.lifespan_context(gateway), _client(gateway) as client:
            for model in models.values():
                await client.post("/v1/chat/completions", json={"model": model, **BODY})


def _client(gateway: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")


@contextmanager
def _closed_port() -> Iterator[str]:
    """The URL of a port that refuses every connection: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def _silence() -> Iterator[None]:
    """No log lines: the questions above are meant to fail, and nobody should be alarmed by it."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
