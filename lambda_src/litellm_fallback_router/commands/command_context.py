"""What a command runs in: the environment's settings, changed by its options, and a simulator if it is to have one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from ..routing.errors import ConfigurationError
from ..settings import Settings, load_settings

START_SECONDS = 10.0
STOP_SECONDS = 5.0


@contextmanager
def command_context(config_file: Path | None, *, simulate: bool) -> Iterator[Settings]:
    """The settings while the context lasts. Raises ConfigurationError with every mistake."""
    settings = load_settings()
    if config_file is not None:
        settings = settings.model_copy(update={"config_file": config_file})
    if not simulate:
        yield settings
        return
    with _simulator() as url:
        yield settings.model_copy(update={"simulator_url": url})


@contextmanager
def _simulator() -> Iterator[str]:
    """The URL of a simulator in a thread of this process: it cannot outlive us, however we end."""
    try:
        from local.simulator import Simulator  # noqa: PLC0415 - no part of the deployed package
    except ImportError as error:
        message = "--simulate: the simulator is not part of this installation; run from a clone of the repository"
        raise ConfigurationError([message]) from error
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def simulate() -> None:
        stop = asyncio.Event()
        async with Simulator() as simulator:
            ready.set_result((simulator.url, asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(simulate())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    url, loop, stop = ready.result(START_SECONDS)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_SECONDS)
