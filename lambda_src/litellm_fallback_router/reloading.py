"""A mapping that changes while the gateway runs.

A request, and a stream, ends under the mapping it began with. A mapping with a mistake in it is refused as a whole: the
log lists every mistake, and the one before stays in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from .adapters.logs import Event
from .api.errors import type_and_place
from .bootstrap import mapping_of
from .routing.errors import ConfigurationError
from .routing.mapping import changes, master_key, other_ways, revision_of
from .routing.router import Router
from .settings import Settings, lookup
from .succession import prepared

LOOK_SECONDS = 1.0
"""Seconds between two looks at the file. A change is taken up once two looks have found the same file, so that one
which is still being written is left alone."""

logger = logging.getLogger("litellm_fallback_router")


class Holder(Protocol):
    """What holds the Router that new requests get."""

    router: Router


class Reloader:
    """Replaces the holder's Router by one with another mapping, for one event loop."""

    def __init__(self, holder: Holder, settings: Settings) -> None:
        self._holder = holder
        self._settings = settings

    async def take(self, mapping: Any, source: str) -> bool:
        """Put `mapping` in force. False: it was refused, and the log says why. `source`: where it comes from."""
        former = self._holder.router
        try:
            take_over = await asyncio.to_thread(prepared, former, self._settings, mapping)
        except ConfigurationError as error:
            refused(source, error.problems, former)
            return False
        except Exception as error:  # noqa: BLE001 - a bug must neither end the gateway nor what watches its mapping
            refused(source, [bug_of(error)], former)
            return False
        # From here to the end of the function nothing is awaited but what is left of the former.
        self._holder.router = router = take_over()
        told = changes(former.config, router.config)
        logger.info(
            Event(
                event="mapping_replaced",
                source=source,
                revision=router.config.revision,
                former_revision=former.config.revision,
                changes=told,
            )
        )
        samples = former.dependencies.samples
        if samples is not None and samples is not router.dependencies.samples:
            await asyncio.to_thread(samples.close)
        return True


def refused(source: str, problems: list[str], stays: Router) -> None:
    """Say in the log that a mapping was refused, and which stays in force."""
    event = Event(event="mapping_refused", source=source, revision_in_force=stays.config.revision, problems=problems)
    logger.error(event)


def bug_of(error: Exception) -> str:
    """What is said of a mapping that a bug kept out of force."""
    return f"a bug of the gateway: {type_and_place(error)}"


@asynccontextmanager
async def file_watched(holder: Holder, settings: Settings, *, seconds: float = LOOK_SECONDS) -> AsyncIterator[None]:
    """While it lasts the file that `ROUTER_CONFIG` names is looked at, and taken up where it has changed."""
    if settings.config_file is None:
        yield
        return
    watching = asyncio.create_task(_Watch(holder, settings, settings.config_file, seconds).run())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


Version = tuple[int, int, int]


def _version(path: Path) -> Version | None:
    """Differs where the file was replaced or written to; None where it is not there."""
    try:
        found = path.expanduser().stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Watch:
    def __init__(self, holder: Holder, settings: Settings, path: Path, seconds: float) -> None:
        self._holder = holder
        self._settings = settings
        self._path = path
        self._seconds = seconds
        self._reloader = Reloader(holder, settings)
        self._in_force: Version | None = None
        """The version of the file that was last taken up, or refused. None: what the Router was built from may be
        older than the file by now."""
        self._master = master_key(mapping_of(settings), lookup)

    async def run(self) -> None:
        before: Version | None = None
        while True:
            await asyncio.sleep(self._seconds)
            version = await asyncio.to_thread(_version, self._path)
            if version != self._in_force and version == before:
                # Said once of each version, and not with every look.
                self._in_force = version
                await self._take_up()
            before = version

    async def _take_up(self) -> None:
        source, former = self._path.name, self._holder.router
        try:
            mapping = await asyncio.to_thread(mapping_of, self._settings)
            if revision_of(mapping) == former.config.revision:
                return
            if problems := self._takes_a_restart(mapping):
                raise ConfigurationError(problems)  # noqa: TRY301 - said as every other mistake is
        except ConfigurationError as error:
            refused(source, error.problems, former)
            return
        except Exception as error:  # noqa: BLE001 - as in `take`
            refused(source, [bug_of(error)], former)
            return
        await self._reloader.take(mapping, source)

    def _takes_a_restart(self, mapping: Any) -> list[str]:
        """Callers' keys in a LiteLLM config are read at the start: one taken out there must not seem to be revoked.
        Raises ConfigurationError."""
        problems = []
        if master_key(mapping, lookup) != self._master:
            problems.append("general_settings.master_key: changes with a restart only; restart, or change it back")
        if not self._settings.needs_key and (ways := other_ways(mapping)):
            problems += [f"{way}: not known here, and without it anyone may call; remove it" for way in ways]
        return problems
