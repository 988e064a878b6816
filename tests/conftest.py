from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A test that sets up our logging (a command, a Lambda's observer) leaves nothing of it behind: its handler
    writes to a stream that pytest closes."""
    logger = logging.getLogger("litellm_fallback_router")
    before = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before
    logger.setLevel(before[1])
