"""`GET /health`: whether this process serves. Asks no provider: `fallback-router doctor` does that."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..routing.router import Router
from .docs import described
from .wire import reply

routes = APIRouter(tags=["Operations"])


def package_version() -> str:
    """`unknown` where the package runs from its source folder, as it does in Lambda."""
    try:
        return version("litellm-fallback-router")
    except PackageNotFoundError:
        return "unknown"


_HEALTH = {
    "type": "object",
    "required": ["status", "version", "deployments", "models", "mapping"],
    "properties": {
        "status": {"const": "ok"},
        "version": {"type": "string"},
        "deployments": {"type": "integer"},
        "models": {"type": "integer"},
        "mapping": {"type": "string", "description": "The revision of the mapping in force."},
    },
}


@routes.get("/health", openapi_extra=described(_HEALTH, keys=()))
@routes.head("/health", include_in_schema=False)
async def health(request: Request) -> Response:
    """Cheap: no provider is called."""
    router: Router = request.app.state.router
    return reply(
        {
            "status": "ok",
            "version": request.app.version,
            "deployments": len(router.config.deployments),
            "models": len(router.config.chains),
            "mapping": router.config.revision,
        }
    )


@routes.get("/deep-health/{_}", include_in_schema=False)
async def deep_health() -> Response:
    """For Route 53, which asks through everything that stands before the app. Where it is open (infra/api.py) only its
    last part, which nobody can guess, says so; it tells nothing but that it answers."""
    return reply({"status": "ok"})


@routes.get("/", include_in_schema=False)
@routes.head("/", include_in_schema=False)
async def root(request: Request) -> Response:
    """What this is. Clients try it with HEAD before they ask (Claude Code does)."""
    return reply({"name": request.app.title, "version": request.app.version, "docs": "/docs", "health": "/health"})
