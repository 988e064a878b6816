"""The router as tools of an AgentCore Gateway: a plain Lambda handler.

litellm_fallback_router.entrypoints.agentcore_tool.handler
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..bootstrap import build_router, warm_up
from ..settings import load_settings
from .snapstart import before_checkpoint, renewed
from .tool_calls import answer

# One loop for all invocations: connections belong to the loop they were made on.
_loop = asyncio.new_event_loop()
asyncio.set_event_loop(_loop)

_settings = load_settings()
# While Lambda starts a function its processor is not throttled, so the import is cheapest now.
warm_up()
_router = build_router(_settings, read_keys=not _settings.snapshot)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`event`: the tool's bare arguments; which tool it is, the client context says. Gives JSON, and raises nothing."""
    return _loop.run_until_complete(answer(_router, event, context))


def _renew() -> None:
    global _router  # noqa: PLW0603 - the one place where what a snapshot held is replaced
    _router = _loop.run_until_complete(renewed(_router, _settings))


try:
    from snapshot_restore_py import (  # type: ignore[import-not-found, unused-ignore]
        register_after_restore,
        register_before_snapshot,
    )
except ImportError:
    # Lambda's runtime brings it; where it is missing there are no snapshots.
    pass
else:
    register_before_snapshot(lambda: _loop.run_until_complete(before_checkpoint(_settings)))
    register_after_restore(_renew)
