"""The gateway on a real socket of this process, with a mapping file that is looked at often, and what it logs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.bootstrap import build_router, warm_up
from litellm_fallback_router.reloading import file_watched
from litellm_fallback_router.settings import Settings
from tests.support.gateway import free_port

LOOK_SECONDS = 0.01
PATIENCE = 30.0


class Events(logging.Handler):
    """The log's events, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, dict):
            self.seen.append(dict(record.msg))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["event"] == name]


@dataclass
class Reloaded:
    url: str
    file: Path
    app: FastAPI
    events: Events = field(default_factory=Events)

    @property
    def revision(self) -> str:
        return str(self.app.state.router.config.revision)

    def write(self, mapping: Mapping[str, Any] | str) -> None:
        """In the place of the file, as a whole."""
        new = self.file.with_suffix(".new")
        new.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping))
        new.replace(self.file)

    async def until(self, name: str, count: int) -> list[dict[str, Any]]:
        """The events of that name, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self.events.named(name)) < count:
                await asyncio.sleep(LOOK_SECONDS)
        return found


@asynccontextmanager
async def reloaded_gateway(
    folder: Path, mapping: Mapping[str, Any], simulator_url: str, **settings: Any
) -> AsyncIterator[Reloaded]:
    file = folder / "mapping.json"
    file.write_text(json.dumps(mapping))
    said = Settings(config_file=file, simulator_url=simulator_url, **settings)
    warm_up()
    app = create_app(partial(build_router, said), beside=partial(file_watched, settings=said, seconds=LOOK_SECONDS))
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_config=None, access_log=False))
    running = Reloaded(f"http://127.0.0.1:{server.config.port}", file, app)
    logger = logging.getLogger("litellm_fallback_router")
    logger.addHandler(running.events)
    level = logger.level
    logger.setLevel(logging.INFO)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                await asyncio.sleep(LOOK_SECONDS)
        yield running
    finally:
        server.should_exit = True
        await serving
        logger.removeHandler(running.events)
        logger.setLevel(level)
