"""Asks a gateway for its health again and again, on the gateway's own core, until its standard input ends.

    python -m bench.prober PORT PID

Then writes one JSON array: of each question when it was asked (the monotonic clock, which all processes share), the
seconds until its answer, and those of them in which the gateway's event loop or this process could have run and was not
let. The first thing it writes is a line, once it has had an answer.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from pathlib import Path

PAUSE_SECONDS = 0.002
ANSWER_SECONDS = 120.0


def main() -> int:
    port, pid = (int(argument) for argument in sys.argv[1:])
    ended = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
    kept_waiting = [Path(f"/proc/{one}/task/{one}/schedstat") for one in (pid, os.getpid())]
    asked: list[tuple[float, float, float]] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    while not ended.is_set():
        waited, began = sum(map(_waited, kept_waiting)), time.monotonic()
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the gateway's health was a {answer.status}")
        asked.append((began, time.monotonic() - began, sum(map(_waited, kept_waiting)) - waited))
        if len(asked) == 1:
            sys.stdout.write("asking\n")
            sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)
    connection.close()
    json.dump(asked, sys.stdout)
    return 0


def _wait_for_the_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _waited(schedstat: Path) -> float:
    """Seconds for which a thread could have run and was not let (Linux, Documentation/scheduler/sched-stats)."""
    return int(schedstat.read_text().split()[1]) / 1e9


if __name__ == "__main__":
    sys.exit(main())
