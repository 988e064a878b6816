"""Callers with a steady pace, each with the official client as it is set by default: it repeats twice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event, Lock
from typing import Any

import httpx
from openai import APIStatusError, OpenAI, OpenAIError

from tests.support.chaos.judge import Asked, InForce, wording
from tests.support.threads import repeated

GATEWAY_SECONDS = 15.0
"""What a caller gives the gateway for one request."""
TRY_SECONDS = GATEWAY_SECONDS + 3.0
"""What its client waits for an answer to one request before it repeats it."""
TRIES = 3
PAUSE = 0.15
JOIN_SECONDS = TRY_SECONDS * TRIES * 2


@dataclass
class Day:
    """What is known of the day while it lasts."""

    phase: str = ""
    asked: list[Asked] = field(default_factory=list)
    mappings: dict[str, InForce] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> float:
        return time.monotonic() - self._began

    def note(self, one: Asked) -> None:
        with self._lock:
            self.asked.append(one)

    def noted(self) -> list[Asked]:
        with self._lock:
            return list(self.asked)


def _heard(client: OpenAI, one: Asked) -> Asked:
    """The answer to it. Raises what the client raises."""
    raw: Any = client.chat.completions.with_raw_response.create(
        model=one.model,
        messages=[{"role": "user", "content": wording(one.nonce)}],
        stream=one.stream,
        extra_headers={"x-router-timeout-ms": str(int(GATEWAY_SECONDS * 1000))},
    )
    heads = {
        "header_model": raw.headers.get("x-router-model", ""),
        "revision": raw.headers.get("x-router-mapping", ""),
        "tries": one.tries + raw.retries_taken,
    }
    answer = raw.parse()
    if not one.stream:
        choice = answer.choices[0]
        return replace(
            one, text=choice.message.content or "", finish=choice.finish_reason, models=(answer.model,), **heads
        )
    text, finish, models = "", "", set()
    for chunk in answer:
        models.add(chunk.model)
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    if not finish:
        raise httpx.RemoteProtocolError("a stream without an end")
    return replace(one, text=text, finish=finish, models=tuple(sorted(models)), **heads)


def answered(client: OpenAI, one: Asked, day: Day) -> Asked:
    """It, with its answer or why there is none. Who sees a stream break off asks again."""
    try:
        while True:
            try:
                return replace(_heard(client, one), seconds=day.now() - one.began)
            except httpx.HTTPError:
                if one.tries >= TRIES:
                    raise
                one = replace(one, tries=one.tries + 1)
    except (OpenAIError, httpx.HTTPError) as error:
        status = f" {error.status_code} {error.code}" if isinstance(error, APIStatusError) else ""
        return replace(one, error=f"{type(error).__name__}{status}", seconds=day.now() - one.began)


@contextmanager
def steady(day: Day, url: str, keys: Sequence[tuple[str, str]], models: Sequence[str]) -> Iterator[None]:
    """A caller for each of `keys` (its own, and its usage plan's) asks and asks while the context lasts."""

    def call(number: int, key: str, plan: str, enough: Event) -> None:
        with OpenAI(
            base_url=f"{url}/v1", api_key=key, default_headers={"x-api-key": plan}, timeout=TRY_SECONDS
        ) as client:
            turn = number
            while not enough.wait(PAUSE):
                turn += 1
                one = Asked(
                    f"nonce-{secrets.token_hex(6)}",
                    day.phase,
                    models[turn % len(models)],
                    stream=turn % 3 == 0,
                    began=day.now(),
                    seconds=0.0,
                )
                day.note(answered(client, one, day))

    with repeated((partial(call, number, *one) for number, one in enumerate(keys)), JOIN_SECONDS):
        yield
