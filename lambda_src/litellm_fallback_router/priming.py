"""Loads and runs once, without a provider, everything that a first request needs, so that no request waits for it."""

from __future__ import annotations

import ctypes
import gc
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
from fastapi import FastAPI

from .api.app import create_app
from .bootstrap import assemble, load, warm_up_streams
from .collector import gc_paused
from .routing.mapping import RouterConfig
from .settings import Settings
from .simulated import simulated

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "router": {"fallback": False}}

TEXT: dict[str, Any] = {"input": "Hello", "router": {"fallback": False}}


async def prime(settings: Settings) -> None:
    """Ask this gateway's own API for each model once, with a closed port in the providers' place. In a process that is
    ours: what is loaded by then stays for good, and the garbage collector skips it.

    The first request to a provider imports what only it needs: 0.1 to 0.5 s, in which the event loop does nothing else.
    Tools or a second deployment of the same model would load nothing more. A full collection would traverse half
    a million objects for 0.1 s and more, find less than a megabyte, and hold up every request meanwhile.
    """
    with _closed_port() as url, gc_paused(), _logging_disabled():
        config = load(settings.model_copy(update={"simulator_url": None}))
        await _ask_each_model(config, url)
        warm_up_streams(config)
        gc.freeze()
        _give_back()


async def _ask_each_model(config: RouterConfig, url: str) -> None:
    bare = replace(config, deployments=tuple(replace(one, api_base=None) for one in config.deployments))
    closed = simulated(bare, url)
    moved = zip(bare.deployments, closed.deployments, strict=True)
    models = {after.litellm_model: after.model_name for before, after in moved if after is not before}
    # Without guardrail and prompts: there is neither to ask here, and without a verdict no provider would be asked.
    once = closed.settings.model_copy(update={"max_attempts": 1})
    unguarded = replace(closed, settings=once, guardrail=None, prompts=None)
    router = assemble(unguarded)
    gateway = create_app(lambda: router)
    async with gateway.router.lifespan_context(gateway), _client(gateway) as client:
        for model in models.values():
            if closed.embeds(model):
                await client.post("/v1/embeddings", json={"model": model, **TEXT})
            else:
                await client.post("/v1/chat/completions", json={"model": model, **BODY})


def _give_back() -> None:
    """What loading has freed goes back to the machine: 10 to 20 MB, which glibc would keep (malloc_trim(3))."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _client(gateway: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")


@contextmanager
def _closed_port() -> Iterator[str]:
    """The URL of a port that refuses every connection: it is bound, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def _logging_disabled() -> Iterator[None]:
    """No log lines: the requests above are meant to fail, which is no news."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
