"""Azure OpenAI's paths, so that its clients need no more than this gateway's address as their endpoint.

Source: Azure OpenAI REST API reference, "Chat completions" (`/openai/deployments/{deployment}/...`), and "v1 preview
API" (`/openai/v1/...`). `api-version` is taken and means nothing here.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

_DEPLOYMENT = re.compile(r"/openai/deployments/(.{1,400}?)(/(?:chat/completions|embeddings))")
"""A model's name may hold slashes."""
_VERSIONED = re.compile(r"/openai(/v1/.+)")


class AzurePaths:
    """ASGI middleware. Answers Azure's paths as OpenAI's; the deployment in a path is the model that is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/openai/"):
            scope = _as_openai(scope)
        await self.app(scope, receive, send)


def with_named_model(body: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The body with the model that its path names: Azure looks at nothing else."""
    named = scope.get("state", {}).get("model_in_path")
    return body if named is None else {**body, "model": named}


def _as_openai(scope: Scope) -> Scope:
    if found := _DEPLOYMENT.fullmatch(scope["path"]):
        state = {**scope.get("state", {}), "model_in_path": found[1]}
        return {**scope, "path": f"/v1{found[2]}", "state": state}
    if found := _VERSIONED.fullmatch(scope["path"]):
        return {**scope, "path": found[1]}
    return scope
