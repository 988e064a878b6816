"""Prompts as they were last read: a version for good, the working draft for a minute."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

from ...routing.errors import InvalidRequestError, RouterError, UnavailableError
from ...routing.interceptors import PromptTemplate
from ...routing.mapping import DRAFT
from .client import PromptMissingError, PromptUnreachableError, Read, UnfitPromptError, template_of

logger = logging.getLogger("litellm_fallback_router")

DRAFT_AGE = 60.0
"""Seconds that a working draft is used before it is read again."""
RETRY = 30.0
"""Seconds that an old draft is used on where it could not be read again."""
READ_TIMEOUT = 5.0
"""Seconds that a request waits for Bedrock."""
MOST = 256
"""Prompts that are kept; the one unused for longest goes first."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A prompt as it was last read. Times are Unix seconds."""

    template: PromptTemplate
    read_at: float
    due_at: float
    """When to read it again."""


_Outcome = _Kept | Callable[[], RouterError]
"""A prompt, or what makes the error of each request that wanted it."""


class ManagedPrompts:
    """The `Prompts` port. Requests that want the same prompt share one reading, and none waits for it in the event
    loop's thread. Works from any number of event loops."""

    def __init__(self, read: Read, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen."""
        self._read = read
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="prompts")
        self._reading: dict[Key, Future[_Outcome]] = {}
        self._lock = Lock()

    async def get(self, identifier: str, version: str) -> PromptTemplate:
        key = (identifier, version)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if self._clock() < kept.due_at:
                    return kept.template
            reading = self._reading.get(key)
            if reading is None:
                reading = self._reading[key] = self._readers.submit(self._read_afresh, key, kept)
        waiting = asyncio.wrap_future(reading)
        await asyncio.wait({waiting}, timeout=READ_TIMEOUT)  # unlike wait_for, it leaves the others' reading alone
        outcome = waiting.result() if waiting.done() else self._instead(key, kept, "no answer in time")
        if isinstance(outcome, _Kept):
            return outcome.template
        raise outcome()

    def _read_afresh(self, key: Key, kept: _Kept | None) -> _Outcome:
        """Read a prompt, in a thread. Never raises for what Bedrock says: several requests share the outcome."""
        try:
            outcome = self._outcome(key, kept)
        finally:
            with self._lock:
                del self._reading[key]
        with self._lock:
            if isinstance(outcome, _Kept):
                self._kept[key] = outcome
                while len(self._kept) > MOST:
                    self._kept.popitem(last=False)
            else:
                self._kept.pop(key, None)
        return outcome

    def _outcome(self, key: Key, kept: _Kept | None) -> _Outcome:
        identifier, version = key
        now = self._clock()
        try:
            template = template_of(self._read(identifier, version))
        except PromptMissingError:
            return partial(_missing, identifier, version)
        except UnfitPromptError as error:
            return partial(_unfit, identifier, version, str(error))
        except PromptUnreachableError as error:
            return self._instead(key, kept, str(error))
        return _Kept(template, now, now + DRAFT_AGE if version == DRAFT else math.inf)

    def _instead(self, key: Key, kept: _Kept | None, why: str) -> _Outcome:
        """The prompt as it was read before, where it is not too old."""
        identifier, version = key
        now = self._clock()
        if kept is None:
            logger.warning("prompt %s (%s) could not be read: %s", identifier, version, why)
            return partial(_unreachable, identifier, version)
        age = now - kept.read_at
        text = "prompt %s (%s) could not be read: %s; what was read %.0f s ago is used"
        logger.warning(text, identifier, version, why, age)
        return replace(kept, due_at=now + RETRY)


def _missing(identifier: str, version: str) -> RouterError:
    if version == DRAFT:
        error = InvalidRequestError(
            f"there is no prompt {identifier!r} in Bedrock Prompt Management", param="prompt.id"
        )
    else:
        text = f"prompt {identifier!r} has no version {version!r}, or is no longer there"
        error = InvalidRequestError(text, param="prompt.version")
    error.code = "prompt_not_found"
    return error


def _unfit(identifier: str, version: str, why: str) -> RouterError:
    return InvalidRequestError(f"prompt {identifier!r} ({version}) cannot be used: {why}", param="prompt.id")


def _unreachable(identifier: str, version: str) -> RouterError:
    text = (
        f"prompt {identifier!r} ({version}) cannot be read from Bedrock now; try again, or send the messages yourself"
    )
    return UnavailableError(text, retry_after=1.0)
