"""The router as tools of an AgentCore Gateway: a plain Lambda handler.

fallback_router_agentcore.handler.handler
"""

from __future__ import annotations

import asyncio
from typing import Any

from litellm_fallback_router.bootstrap import warm_up
from litellm_fallback_router.entrypoints.snapstart import Held, Renewal
from litellm_fallback_router.live_mapping import LiveMapping
from litellm_fallback_router.settings import load_settings

from .calls import answer

# One loop for all invocations: connections belong to the loop they were made on.
_loop = asyncio.new_event_loop()
asyncio.set_event_loop(_loop)

_settings = load_settings()
# While Lambda starts a function its processor is not throttled, so the import is cheapest now.
warm_up()
_live = LiveMapping(_settings)
_held = Held(_live.router(read_keys=not _settings.snapshot))
_renewal = Renewal(_held, _settings, build=_live.router)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`event`: the tool's bare arguments; which tool it is, the client context says. Gives JSON, and raises nothing."""
    return _loop.run_until_complete(_answered(event, context))


async def _answered(event: Any, context: Any) -> dict[str, Any]:
    await _renewal.done()
    await _live.look(_held)
    return await answer(_held.router, event, context)


try:
    from snapshot_restore_py import (  # type: ignore[import-not-found, unused-ignore]
        register_after_restore,
        register_before_snapshot,
    )
except ImportError:
    # Lambda's runtime brings it; where it is missing there are no snapshots.
    pass
else:
    register_before_snapshot(lambda: _loop.run_until_complete(_renewal.before_checkpoint()))
    register_after_restore(lambda: _loop.run_until_complete(_renewal.done()))
