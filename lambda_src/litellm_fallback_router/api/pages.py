"""Web pages that reach a gateway without keys under a name of their own (`host_names`)."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..host_names import is_own, name_of

CONSOLE = "/console"


def refuse_foreign_names(request: Request) -> None:
    """For gateways whose callers need no key. What a browser sends on a page's behalf has an `Origin`, but for GETs, of
    which only the console's tell of others' requests.

    Raises HTTPException for a page under a name that is neither an address, nor localhost, nor in the mapping's
    `cors_origins`.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None and not request.url.path.startswith(CONSOLE):
        return
    name = name_of(host)
    allowed = request.app.state.router.config.settings.cors_origins
    if is_own(name) or "*" in allowed or not {origin, f"http://{host}", f"https://{host}"}.isdisjoint(allowed):
        return
    raise HTTPException(
        403,
        f"A web page asked this gateway as {name[:100]!r}, and callers need no key here. Open it by its address, "
        "such as http://127.0.0.1:4000, set GATEWAY_API_KEYS, or name the page's origin in the mapping's cors_origins.",
    )
