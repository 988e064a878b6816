"""Names under which a server on this machine may answer a web page.

A page's own host name may point to 127.0.0.1 a moment after it was loaded (DNS rebinding): its requests then come from
the same origin, as the browser sees it, and need nobody's leave. The Host header tells them apart.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return host


def is_own(name: str) -> bool:
    """True for addresses, which no foreign name server can point elsewhere, and for localhost."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
