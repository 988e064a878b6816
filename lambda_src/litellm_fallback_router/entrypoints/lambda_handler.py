"""The gateway as a plain Lambda handler, which answers whole.

    litellm_fallback_router.entrypoints.lambda_handler.handler

For what cannot run the Lambda Web Adapter: `sam local invoke`, emulators, APIs without streaming.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from mangum import Mangum

from ..api.app import create_app
from ..bootstrap import warm_up
from ..live_mapping import LiveMapping, Looking
from ..settings import load_settings
from .drill_door import answered, drilling, is_order
from .lambda_context import MARGIN, LambdaContext
from .snapstart import Holder, Renewal
from .write_behind import WriteBehind

# One loop for all invocations: connections belong to the loop they were made on.
_loop = asyncio.new_event_loop()
asyncio.set_event_loop(_loop)

_settings = load_settings()
_live = LiveMapping(_settings)
_gateway = create_app(
    partial(_live.router, read_keys=not _settings.snapshot),
    api_keys=[key.get_secret_value() for key in _settings.api_keys],
    one_at_a_time=True,
)
# While Lambda starts a function its processor is not throttled, so the import is cheapest now.
warm_up()
# Mangum would start and stop the app around every single invocation.
_running = _gateway.router.lifespan_context(_gateway)
_loop.run_until_complete(_running.__aenter__())

_holder = cast(Holder, _gateway.state)
_renewal = Renewal(_holder, _settings, build=_live.router)
_drilling = drilling(_settings, _holder)
_app = Mangum(LambdaContext(Looking(WriteBehind(_gateway, _holder), _live, _holder), inside=False), lifespan="off")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`event`: API Gateway's, or one for a drill. Where no hook was called after a restore, the first event does what
    it would have."""
    _loop.run_until_complete(_renewal.done())
    if _drilling is not None and is_order(event):
        left = context.get_remaining_time_in_millis() / 1000 - MARGIN
        return _loop.run_until_complete(answered(event, _drilling, left))
    return _app(event, context)


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
