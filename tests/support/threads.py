"""Servers and loops in threads, which end with the context that they were started in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

STOP_SECONDS = 10.0


class QuietHandler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a test's output is the command's, or its report."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answers on a free port of loopback; gives the URL, without a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(STOP_SECONDS)


@contextmanager
def repeated(loops: Iterable[Callable[[Event], None]], seconds: float) -> Iterator[None]:
    """Each of `loops` runs until the event that it is given is set, and fails where it goes on for `seconds` after."""
    enough = Event()
    threads = [Thread(target=loop, args=(enough,), daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join(seconds)
        assert not any(thread.is_alive() for thread in threads), f"a loop goes on for longer than {seconds:g} s"
