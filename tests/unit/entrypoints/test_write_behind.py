"""An answer ends on Lambda only after what its request has used is written, and its text does not wait for that."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.entrypoints.snapstart import Held
from litellm_fallback_router.entrypoints.write_behind import WriteBehind
from litellm_fallback_router.routing.accounts import Accounts
from litellm_fallback_router.routing.callers import NANO, Budget
from litellm_fallback_router.routing.interceptors.budget import money_accounts
from litellm_fallback_router.routing.mapping.budgets import Budgets
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment, says

BUDGET = Budget.parse("5")
ACCOUNT = money_accounts("stage", BUDGET).slot(0.0)


def limited(store: LocalAccounts) -> Rig:
    config = replace(config_of(deployment("a")), budgets=Budgets(stage=BUDGET))
    rig = Rig(config, ScriptedProvider({"a": [says("Paris is the capital.")]}))
    accounts = Accounts(store, ahead=False)
    rig.router._dependencies = replace(rig.router._dependencies, accounts=accounts)
    return rig


async def sent(app: ASGIApp, body: dict[str, Any], send: Send) -> None:
    data = json.dumps(body).encode()
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    messages = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("waits for good")

    await app(scope, receive, send)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_nothing_is_held_any_more_when_an_answer_ends(stream: bool) -> None:
    store = LocalAccounts()
    rig = limited(store)
    gateway = create_app(lambda: rig.router)
    gateway.state.router = rig.router
    gateway.state.started = 0
    held: list[tuple[bytes, int, int]] = []
    known: set[bytes] = set()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            known.update(bytes(name) for name, _ in message["headers"])
            assert message["status"] == 200
        else:
            found = await store.balance(ACCOUNT, 0.0)
            held.append((message.get("body", b""), found.held, found.spent))

    asked = {"model": "a", "messages": [{"role": "user", "content": "Where?"}], "stream": stream, "max_tokens": 50}
    await sent(WriteBehind(gateway, Held(rig.router)), asked, send)
    last, holding, spent = held[-1]
    assert holding == 0
    assert 0 < spent < NANO
    assert stream == (b"content-length" not in known)
    if stream:
        assert last == b""
        assert any(b"Paris" in text and still > 0 for text, still, _ in held), "the text was sent while it was held"


class Flushed:
    """Stands where a Router does, and notes when it is flushed."""

    def __init__(self, notes: list[Any]) -> None:
        self.notes = notes

    async def flush(self) -> None:
        self.notes.append("flush")


def answering(*messages: Message) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


async def order(*messages: Message) -> list[Any]:
    notes: list[Any] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            notes.append((message.get("body", b""), message.get("more_body", False)))

    holder: Any = Held(Flushed(notes))  # type: ignore[arg-type]
    await sent(WriteBehind(answering(*messages), holder), {}, send)
    return notes


async def test_a_last_text_without_a_length_is_sent_before_and_the_end_after() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": []}
    body = {"type": "http.response.body", "body": b"text"}
    assert await order(start, body) == [(b"text", True), "flush", (b"", False)]


async def test_an_answer_of_known_length_ends_with_its_last_byte() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"8")]}
    first = {"type": "http.response.body", "body": b"text", "more_body": True}
    last = {"type": "http.response.body", "body": b"more"}
    assert await order(start, first, last) == [(b"text", True), "flush", (b"more", False)]


async def test_what_is_no_request_is_passed_on() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def unused(*_: Any) -> Any:
        raise AssertionError("neither reads nor writes")

    holder: Any = Held(Flushed([]))  # type: ignore[arg-type]
    await WriteBehind(app, holder)({"type": "lifespan"}, unused, unused)
    assert seen == ["lifespan"]
