"""The gateway for an ASGI server: `uvicorn litellm_fallback_router.entrypoints.http:app`."""

from __future__ import annotations

from functools import partial

from ..api.app import create_app
from ..bootstrap import build_router, caller_keys, with_callers_keys
from ..reloading import file_watched
from ..settings import load_settings

_settings = with_callers_keys(load_settings())
app = create_app(
    partial(build_router, _settings),
    api_keys=[key.get_secret_value() for key in _settings.api_keys],
    caller_keys=caller_keys(_settings),
    open_console=_settings.opens_console,
    beside=partial(file_watched, settings=_settings),
)
