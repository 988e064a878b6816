"""Steers a simulator that runs as a process of its own: for tests, the demo and benchmarks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import urlsplit

from local.processes import first_line, terminate
from local.simulator.faults import Fault, Where
from local.simulator.record import RequestRecord

_TIMEOUT = 10.0
_REPOSITORY = Path(__file__).resolve().parents[2]


class SimulatorControl:
    """The `/_sim` interface of a running simulator. Each call is one request of its own; safe to share by threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._address = urlsplit(url).netloc

    def inject(self, fault: Fault, **where: Unpack[Where]) -> int:
        """As Simulator.inject: let a fault act on matching requests. Returns the rule's id."""
        rule = {"fault": fault.model_dump(exclude_unset=True), **where}
        return int(self._call("POST", "faults", rule)["id"])

    def remove(self, rule_id: int) -> None:
        self._call("DELETE", f"faults/{rule_id}")

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, each with its `id` and how often it was `used`."""
        return list(self._call("GET", "faults"))

    def requests(self) -> list[RequestRecord]:
        """The requests to the providers since the last reset, oldest first."""
        return [RequestRecord.model_validate(one) for one in self._call("GET", "requests")]

    def clear_requests(self) -> None:
        self._call("DELETE", "requests")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (see Settings) and return all of them."""
        return dict(self._call("POST", "settings", changes))

    def health(self) -> dict[str, Any]:
        """`connections` (this one included), `in_flight` provider requests, logged `requests`."""
        return dict(self._call("GET", "health"))

    def reset(self) -> None:
        """Drop faults and the request log; settings are again what they were at the start."""
        self._call("POST", "reset")

    def _call(self, method: str, page: str, body: Any = None) -> Any:
        connection = HTTPConnection(self._address, timeout=_TIMEOUT)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/_sim/{page}", data, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise ValueError(f"the simulator refused {method} /_sim/{page}: {json.dumps(answer)}")
        return answer


@contextmanager
def simulator_process(
    *,
    host: str = "127.0.0.1",
    chunk_delay: float = 0.0,
    latency: float = 0.0,
    port: int = 0,
    timeout: float = 30.0,
) -> Iterator[SimulatorControl]:
    """Run `python -m local.simulator` while the context lasts.

    `host` is the address it listens on; `timeout` is in seconds, for the start.

    Raises RuntimeError when it does not come up.
    """
    arguments = ["--host", host, "--port", str(port), "--chunk-delay", str(chunk_delay), "--latency", str(latency)]
    paths = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "local.simulator", *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    try:
        yield SimulatorControl(_ready_url(process, timeout))
    finally:
        terminate(process, _TIMEOUT)
        if process.stdout:
            process.stdout.close()


def _ready_url(process: "subprocess.Popen[bytes]", timeout: float) -> str:
    """The URL from the one line the simulator prints when it is ready."""
    if process.stdout is None:
        raise RuntimeError("the simulator was started without a pipe to read from")
    line = first_line(process.stdout, timeout)
    if b"\n" not in line:
        raise RuntimeError(f"the simulator did not start within {timeout:g} s; its stderr says why")
    return str(json.loads(line)["url"])
