"""A table that is in trouble: what stands between a gateway and its DynamoDB, and throttles or delays on command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import httpx

from tests.support.threads import QuietHandler, served

THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
).encode()
FORWARDED = ("authorization", "content-type", "host", "x-amz-date", "x-amz-target", "x-amz-security-token")


@dataclass
class TableProxy:
    url: str
    trouble: Literal["none", "throttled", "slow"] = "none"
    slow_seconds: float = 3.0


@contextmanager
def table_proxy(upstream: str) -> Iterator[TableProxy]:
    """A proxy in front of the AWS at `upstream`, while the context lasts."""
    client = httpx.Client(timeout=10)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if proxy.trouble == "throttled":
                self._reply(400, THROTTLED)
                return
            if proxy.trouble == "slow":
                time.sleep(proxy.slow_seconds)
            sent = {name: self.headers[name] for name in FORWARDED if name in self.headers}
            answer = client.post(f"{upstream}{self.path}", content=body, headers=sent)
            self._reply(answer.status_code, answer.content)

        def _reply(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.0")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # whoever asked has stopped waiting

    with client, served(Handler) as url:
        proxy = TableProxy(url)
        yield proxy
