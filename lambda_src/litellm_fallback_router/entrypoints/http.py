"""The gateway for an ASGI server: `uvicorn litellm_fallback_router.entrypoints.http:app`."""

from __future__ import annotations

from .. import bootstrap
from ..api.app import create_app

app = create_app(bootstrap.router, api_keys=[key.get_secret_value() for key in bootstrap.settings().api_keys])
