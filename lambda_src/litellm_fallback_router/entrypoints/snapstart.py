"""What happens around a SnapStart snapshot: one environment is frozen, and many are thawed from it.

Before it, everything a first request needs is loaded and run once. After it, whatever must not be shared between
environments or does not survive the time between is made anew: connections, keys, credentials, randomness.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
from fastapi import FastAPI

from ..api.app import create_app
from ..bootstrap import assemble, build_router, load
from ..collector import resting
from ..routing.config import RouterConfig
from ..routing.router import Router
from ..settings import Settings
from ..simulated import simulated

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


async def after_restore(gateway: FastAPI, settings: Settings) -> None:
    """Give `gateway` a Router of its own."""
    gateway.state.router = await renewed(gateway.state.router, settings)


async def renewed(former: Router, settings: Settings) -> Router:
    """A Router in `former`'s place, whose connections, keys and credentials are dropped with it."""
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)
    router = build_router(settings)
    await former.aclose()
    return router


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
