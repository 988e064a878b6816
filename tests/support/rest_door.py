"""API Gateway's part of a stage, on loopback: whose key it is, and the plan's key for whoever stands behind.

For what stands behind and cannot do that itself: a gateway on this machine, or a local AWS that takes the plan's key
from a header where API Gateway takes it from the authorizer.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.threads import QuietHandler, served

PASSED = ("authorization", "content-type", "accept", "x-router-timeout-ms")
TIMEOUT = 90.0


@dataclass
class RestDoor:
    url: str = ""
    """Ends in a slash."""
    collects: bool = False
    """True: like a proxy that passes an answer on once it has all of it."""
    open: bool = False
    """True: nobody needs a key."""
    throttles: int = 0
    """So many of the next chat requests are beyond the key's plan."""
    keys: list[str] = field(default_factory=list)
    """Those that came with a chat request, in order."""
    on_chat: Callable[[], None] = lambda: None
    """Called at each chat request, before it is passed on."""


@contextmanager
def rest_door(behind: str, usage_key: Callable[[str], str | None]) -> Iterator[RestDoor]:
    """`behind`: base URL of what is asked; `usage_key`: a caller's key -> its plan's key, None for nobody's."""
    door, target = RestDoor(), urlsplit(behind)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            try:
                self._answer()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the caller has gone

        do_POST = do_GET

        def _answer(self) -> None:
            key = self.headers.get("authorization", "").removeprefix("Bearer ")
            plan_key = usage_key(key)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if plan_key is None and not door.open:
                self._refuse(401, "invalid_api_key")
                return
            if self.path.endswith("/chat/completions"):
                door.keys.append(key)
                door.on_chat()
                if door.throttles:
                    door.throttles -= 1
                    self._refuse(429, "rate_limit_exceeded")
                    return
            self._pass_on(body, plan_key or "none")

        def _refuse(self, status: int, code: str) -> None:
            content = json.dumps({"error": {"message": "refused", "type": "x", "param": None, "code": code}}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("retry-after", "0")
            self.end_headers()
            self.wfile.write(content)

        def _pass_on(self, body: bytes, plan_key: str) -> None:
            connection = http.client.HTTPConnection(target.netloc, timeout=TIMEOUT)
            try:
                headers = {name: self.headers[name] for name in PASSED if name in self.headers}
                path = target.path.rstrip("/") + self.path.removeprefix("/stage")
                connection.request(self.command, path, body or None, {**headers, "x-api-key": plan_key})
                response = connection.getresponse()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                        self.send_header(name, value)
                self.end_headers()
                if door.collects:
                    self.wfile.write(response.read())
                    return
                while piece := response.read1():
                    self.wfile.write(piece)
                    self.wfile.flush()
            finally:
                connection.close()

    with served(Handler) as url:
        door.url = f"{url}/stage/"
        yield door
