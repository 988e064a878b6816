"""`GET /v1/models`: every name that a request may use, models and strategies alike, with its aliases.

OpenAI's clients and Anthropic's read the same answer: it has the fields of both. Sources: openai-python,
`types/model.py`; anthropic-sdk-python, `types/model_info.py` and `pagination.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..routing.mapping import RouterConfig
from ..routing.router import Router
from .docs import described
from .wire import reply

routes = APIRouter(tags=["OpenAI"])


_MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by", "aliases"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer", "description": "Unix seconds: when this gateway started."},
        "owned_by": {"type": "string", "description": "The provider; `router` for a strategy."},
        "aliases": {"type": "array", "items": {"type": "string"}, "description": "Other names it may be asked by."},
        "type": {"const": "model"},
        "display_name": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time", "description": "`created`, for Anthropic's clients."},
        "lifecycle": {"const": "active"},
    },
}
_MODELS = {
    "type": "object",
    "required": ["object", "data", "has_more", "first_id", "last_id"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": _MODEL},
        "has_more": {"const": False},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
    },
}


@routes.get("/v1/models", openapi_extra=described(_MODELS))
@routes.get("/models", include_in_schema=False)
async def list_models(request: Request) -> Response:
    """The models and strategies of the mapping that the key may ask."""
    config = _config(request)
    models = [_model(name, config, request.app.state.started) for name in config.chains]
    ends = [models[0]["id"], models[-1]["id"]] if models else [None, None]
    return reply({"object": "list", "data": models, "has_more": False, "first_id": ends[0], "last_id": ends[1]})


@routes.get("/v1/models/{model_id:path}", openapi_extra=described(_MODEL, missing="No such model"))
@routes.get("/models/{model_id:path}", include_in_schema=False)
async def retrieve_model(request: Request, model_id: str) -> Response:
    """One model or strategy; by a provider's own name of it, the model that serves that name."""
    config = _config(request)
    return reply(_model(config.resolve(model_id), config, request.app.state.started))


def _config(request: Request) -> RouterConfig:
    """The mapping, as far as the caller's key may ask it."""
    router: Router = request.app.state.router
    return router.config.for_key(request.state.key)


def _model(name: str, config: RouterConfig, created: int) -> dict[str, Any]:
    owner = "router" if name in config.strategies else config.group(name)[0].provider
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": owner,
        "aliases": config.aliases_of(name),
        "type": "model",
        "display_name": name,
        "created_at": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }
