"""A deployed gateway as its callers meet it: HTTPS, a key, JSON and server-sent events."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

DATA = "data: "
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request got. Never the answer's text."""

    status: int | None
    """Of HTTP; None where no answer came."""
    problem: str = ""
    """Why it is no answer, in the gateway's words or those of the connection; empty: it is a whole one."""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The JSON object; of a stream its last event."""
    retry_after: float | None = None
    """Seconds."""
    first: float = math.nan
    """Seconds from sending to a stream's first event."""
    last: float = math.nan
    """The same to its last one."""

    @property
    def routing_report(self) -> Mapping[str, Any] | None:
        """`router`: every attempt and every drop; None where the request never got to the router."""
        routing_report = self.body.get("router")
        return routing_report if isinstance(routing_report, dict) else None

    @property
    def code(self) -> str:
        """OpenAI's code of an error; empty where there is none."""
        error = self.body.get("error")
        return str(error.get("code") or "") if isinstance(error, dict) else ""


class GatewayClient:
    """`async with`. Raises nothing that a request meets: every end of it is a Reply."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        """`url`: base of the stage; `timeout`: seconds without a byte after which a request is given up."""
        self._key = {"authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def models(self, *, with_key: bool = True) -> Reply:
        request = self._client.build_request("GET", "v1/models", headers=self._key if with_key else None)
        return await self._send(request)

    async def complete(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """Asks for a chat completion; with `stream` in the body for a stream, which is read to its end."""
        headers = {**self._key, **headers}
        request = self._client.build_request("POST", "v1/chat/completions", json=dict(body), headers=headers)
        return await self._send(request)

    async def _send(self, request: httpx.Request) -> Reply:
        sent_at = time.monotonic()
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.headers.get("content-type", "").startswith("text/event-stream"):
                    return await _streamed(response, sent_at)
                await response.aread()
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Reply(None, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        return _whole(response)


async def _streamed(response: httpx.Response, sent_at: float) -> Reply:
    first, last, body = math.nan, math.nan, "{}"
    async for line in response.aiter_lines():
        if not line.startswith(DATA):
            continue
        now = time.monotonic() - sent_at
        event = line.removeprefix(DATA)
        if event == DONE:
            return Reply(response.status_code, "", _object(body), first=first, last=last)
        first, last, body = now if math.isnan(first) else first, now, event
    told = _object(body)
    return Reply(response.status_code, _told(told) or "the stream ended before its end", told, first=first, last=last)


def _whole(response: httpx.Response) -> Reply:
    body = _object(response.text)
    problem = "" if response.status_code == 200 and body else _told(body)
    if not problem and (response.status_code != 200 or not body):
        problem = f"HTTP {response.status_code} without an answer of the gateway's"
    wait = response.headers.get("retry-after", "")
    return Reply(response.status_code, problem, body, float(wait) if wait.isdecimal() else None)


def _told(body: Mapping[str, Any]) -> str:
    """What an error says; empty where there is none."""
    error = body.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _object(text: str) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
