"""Web pages that reach a gateway without keys under a name of their own.

A page's own host name may point to 127.0.0.1 a moment after it was loaded (DNS rebinding): its requests then come from
the same origin, as the browser sees it, and need nobody's leave. The Host header tells them apart.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

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
    name = _name_of(host)
    allowed = request.app.state.router.config.settings.cors_origins
    if _is_own(name) or "*" in allowed or not {origin, f"http://{host}", f"https://{host}"}.isdisjoint(allowed):
        return
    raise HTTPException(
        403,
        f"A web page asked this gateway as {name[:100]!r}, and callers need no key here. Open it by its address, "
        "such as http://127.0.0.1:4000, set GATEWAY_API_KEYS, or name the page's origin in the mapping's cors_origins.",
    )


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return host


def _is_own(name: str) -> bool:
    """True for addresses, which no foreign name server can point elsewhere, and for localhost."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
