"""One address before two fleets, as a load balancer or Route 53 gives it.

It sends each request once, and none to a fleet whose health is not well. One that cannot be reached, or gives what only
a broken one gives, is left out for some seconds, and the caller is told a 502. A body that breaks off does so here too.
"""

from __future__ import annotations

import http.client
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock
from urllib.parse import urlsplit

import httpx

from tests.support.threads import QuietHandler, repeated, served

TIMEOUT = 90.0
LEFT_OUT_SECONDS = 3.0
LOOK_SECONDS = 0.5
LOOK_TIMEOUT = 5.0
BROKEN = frozenset({500, 502, 503, 504})
_HOP_BY_HOP = {"transfer-encoding", "connection", "date", "server"}


@dataclass
class Fleet:
    name: str
    url: str
    """Base URL; ends in a slash."""
    at_once: int
    """Requests beyond which another fleet is taken, if one is well."""
    health: str
    """Address that is looked at all the time."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each look."""
    is_well: bool = True
    under_way: int = 0
    out_until: float = 0.0
    faults: int = 0
    """How often it gave nothing, or what only a broken one gives."""


class Balancer:
    def __init__(self, *fleets: Fleet) -> None:
        self.fleets = fleets
        self.url = ""
        self._lock = Lock()

    def take(self) -> Fleet:
        """The well one with the most room; of two with the same, the one that was listed first."""
        with self._lock:
            now = time.monotonic()
            well = [one for one in self.fleets if one.is_well and one.out_until <= now]
            well = well or [one for one in self.fleets if one.is_well] or list(self.fleets)
            chosen = min(well, key=lambda one: one.under_way / one.at_once)
            chosen.under_way += 1
        return chosen

    def give_back(self, fleet: Fleet, *, broken: bool) -> None:
        with self._lock:
            fleet.under_way -= 1
            if broken:
                fleet.faults += 1
                fleet.out_until = time.monotonic() + LEFT_OUT_SECONDS


def _look(fleet: Fleet, enough: Event) -> None:
    while not enough.wait(LOOK_SECONDS):
        try:
            look = httpx.get(fleet.health, headers=dict(fleet.headers), timeout=LOOK_TIMEOUT)
            fleet.is_well = look.status_code == 200
        except httpx.HTTPError:
            fleet.is_well = False


@contextmanager
def balanced(*fleets: Fleet) -> Iterator[Balancer]:
    balancer = Balancer(*fleets)

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fleet, broken = balancer.take(), True
            try:
                broken = self._pass_on(fleet, body)
            except (BrokenPipeError, ConnectionResetError, http.client.HTTPException, OSError):
                self._break_off()
            finally:
                balancer.give_back(fleet, broken=broken)

        def _pass_on(self, fleet: Fleet, body: bytes) -> bool:
            """Whether the fleet is broken. Raises what a connection that breaks off raises."""
            target = urlsplit(fleet.url)
            connection = http.client.HTTPConnection(target.netloc, timeout=TIMEOUT)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                try:
                    connection.request("POST", f"{target.path.rstrip('/')}{self.path}", body, headers)
                    response = connection.getresponse()
                except (OSError, http.client.HTTPException):
                    self._say(502)
                    return True
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.end_headers()
                while piece := response.read1():
                    self.wfile.write(piece)
                    self.wfile.flush()
                if response.length:
                    raise http.client.IncompleteRead(b"", response.length)
                return response.status in BROKEN and "x-router-attempts" not in response.headers
            finally:
                connection.close()

        def _say(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def _break_off(self) -> None:
            """With a reset, else the end of the connection would seem to be the end of the body."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    with served(Handler) as balancer.url, repeated((partial(_look, one) for one in fleets), 2 * LOOK_TIMEOUT):
        yield balancer
