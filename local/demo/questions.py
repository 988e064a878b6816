"""Questions to the gateway through the official OpenAI client, and what came of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from openai import APIError, APIStatusError, OpenAI


@dataclass(frozen=True)
class Outcome:
    """What the caller saw."""

    seconds: float
    """From the question to the end of the answer or error, at the client."""
    text: str = ""
    """Empty where nobody answered."""
    responders: tuple[str, ...] = ()
    """`provider:model`, in order; several where a stream was resumed."""
    report: dict[str, Any] = field(default_factory=dict)
    """The gateway's ledger: `attempts`, `dropped`, `cost_usd` ..."""
    error: str = ""
    """The exception the client raised and the gateway's message."""

    @property
    def attempts(self) -> list[dict[str, Any]]:
        return list(self.report.get("attempts", ()))

    @property
    def answered_by(self) -> str:
        """With the Region, where there is one."""
        region = self.attempts[-1]["region"] if self.attempts else None
        return ", then ".join(self.responders) + (f" in {region}" if region else "")


def client_of(gateway_url: str) -> OpenAI:
    """As anybody would make it; its own retries stay on."""
    return OpenAI(base_url=f"{gateway_url}/v1", api_key="none", timeout=60)


def ask(
    client: OpenAI,
    model: str,
    question: str,
    *,
    timeout_ms: int | None = None,
    constraints: dict[str, Any] | None = None,
) -> Outcome:
    """A whole answer. `timeout_ms` bounds the whole chain; `constraints` is the request's `router` field."""
    started = time.monotonic()
    try:
        completion = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": question}],
            max_tokens=100,
            extra_headers={} if timeout_ms is None else {"x-router-timeout-ms": str(timeout_ms)},
            extra_body={"router": {"explain": True, **(constraints or {})}},
        )
    except APIError as error:
        return _failed(error, time.monotonic() - started)
    seconds = time.monotonic() - started
    report = (completion.model_extra or {}).get("router", {})
    return Outcome(seconds, completion.choices[0].message.content or "", tuple(report.get("responders", ())), report)


def ask_streaming(client: OpenAI, model: str, question: str) -> Outcome:
    """The same as a stream."""
    started, text = time.monotonic(), ""
    report: dict[str, Any] = {}
    try:
        stream = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": question}],
            stream=True,
            extra_body={"router": {"explain": True}},
        )
        for chunk in stream:
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            report = (chunk.model_extra or {}).get("router", report)
    except APIError as error:
        return _failed(error, time.monotonic() - started)
    return Outcome(time.monotonic() - started, text, tuple(report.get("responders", ())), report)


def _failed(error: APIError, seconds: float) -> Outcome:
    name = type(error).__name__
    if not isinstance(error, APIStatusError):
        return Outcome(seconds, error=f"{name}: {error.message}")
    body = error.response.json()
    return Outcome(
        seconds, report=body.get("router", {}), error=f"{name} {error.status_code}: {body['error']['message']}"
    )
