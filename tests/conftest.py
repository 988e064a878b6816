from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.support.shared_folders import FolderScheduling

# No test measures time: a machine that is busy would fail it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling | None:
    """Takes the place of `--dist loadfile`."""
    return FolderScheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A test that sets up our logging (a command, a Lambda's observer) leaves nothing of it behind: its handler
    writes to a stream that pytest closes."""
    logger = logging.getLogger("litellm_fallback_router")
    before = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before
    logger.setLevel(before[1])
