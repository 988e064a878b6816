"""`/docs`: Swagger UI, and the schemas and examples of bodies that are read by hand.

FastAPI loads Swagger UI from a CDN. LiteLLM's wheel carries the same two files, so a laptop without a network
shows the page too; a package from which they were pruned falls back to the CDN.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from . import formats
from .formats.base import DEFAULT_KEYS, Format, KeyHeader

routes = APIRouter(include_in_schema=False)

FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")


def local_files() -> Path | None:
    """The folder that holds FILES; None where they are not installed. Finds the package, does not import it."""
    spec = find_spec("litellm")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "proxy" / "swagger"
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


@routes.get("/docs")
async def docs(request: Request) -> Response:
    base = request.scope.get("root_path", "")
    local: dict[str, Any] = {}
    if local_files() is not None:
        script, style, icon = (f"{base}/docs/{name}" for name in FILES)
        local = {"swagger_js_url": script, "swagger_css_url": style, "swagger_favicon_url": icon}
    return get_swagger_ui_html(openapi_url=f"{base}/openapi.json", title=request.app.title, **local)


@routes.get("/docs/{name}")
async def docs_file(name: str) -> Response:
    folder = local_files()
    if folder is None or name not in FILES:
        raise HTTPException(404)
    return FileResponse(folder / name)


_REF = "#/components/schemas/{model}"
_ERRORS = {
    400: "The request is wrong; `param` names the field",
    401: "No API key, or a wrong one",
    404: "No such model; the message lists the known ones",
    413: "The body is too large",
    429: "Every candidate is out of its rate; see Retry-After",
    502: "Every candidate was asked and failed",
    503: "No candidate can be asked now",
    504: "The time ran out",
}


def security(*keys: KeyHeader) -> dict[str, Any]:
    """OpenAPI's `security` of an operation: one of these headers holds the key."""
    return {"security": [{key.schema_name: []} for key in keys]}


def described(
    answer: dict[str, Any],
    *,
    keys: Sequence[KeyHeader] = DEFAULT_KEYS,
    missing: str = "",
    asked: Sequence[int] = (),
    error: str = "",
) -> dict[str, Any]:
    """OpenAPI's description of an operation that is no format's: the answer's schema, the key, and what else comes.

    `missing`: when it is a 404. `asked`: more statuses that it has. `error`: the name of the errors' schema, where it
    is not that of the first format.
    """
    texts = {status: _ERRORS[status] for status in (*((401,) if keys else ()), *asked)}
    if missing:
        texts[404] = missing
    schema = {"$ref": _REF.format(model=error or formats.FORMATS[0].error_schema[0])}
    responses: dict[str, Any] = {
        "200": {"description": "The answer", "content": {"application/json": {"schema": answer}}},
        **{
            str(status): {"description": text, "content": {"application/json": {"schema": schema}}}
            for status, text in sorted(texts.items())
        },
    }
    return {"responses": responses, **(security(*keys) if keys else {})}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made once, when it is first requested."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for form in formats.FORMATS:
            schema = form.body.json_schema(ref_template=_REF)
            schemas.update(schema.pop("$defs", {}))
            schemas[schema["title"]] = schema
            schemas.update((form.answer_schema, form.error_schema))
            components.setdefault("securitySchemes", {}).update({key.schema_name: key.schema for key in form.keys})
            document["paths"][form.paths[0]]["post"] |= _operation(form, schema["title"])
        app.openapi_schema = document
    return app.openapi_schema


def _operation(form: Format, schema: str) -> dict[str, Any]:
    body = {
        "schema": {"$ref": _REF.format(model=schema)},
        "examples": {name: {"value": value} for name, value in form.examples.items()},
    }
    error = {"application/json": {"schema": {"$ref": _REF.format(model=form.error_schema[0])}}}
    answer: dict[str, Any] = {
        "application/json": {
            "schema": {"$ref": _REF.format(model=form.answer_schema[0])},
            "example": form.example_answer,
        }
    }
    if form.streams:
        answer["text/event-stream"] = {"schema": {"type": "string", "description": form.streams}}
    return {
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "The answer", "content": answer},
            **{
                str(form.statuses.get(status, status)): {"description": text, "content": error}
                for status, text in _ERRORS.items()
            },
        },
        **security(*form.keys),
    }
