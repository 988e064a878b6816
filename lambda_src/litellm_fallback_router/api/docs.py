"""`/docs`: Swagger UI, from this machine where its files are at hand.

FastAPI loads Swagger UI from a CDN. LiteLLM's wheel carries the same two files, so a laptop without a network
shows the page too; a package from which they were pruned falls back to the CDN.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

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
