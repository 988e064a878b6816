"""What a server does to a request, done by hand: its scope, its messages, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

from starlette.types import Message, Receive, Scope, Send

from litellm_fallback_router.api.admission import Admission
from litellm_fallback_router.api.auth import ApiKeys
from litellm_fallback_router.routing.callers import CallerKey, KeyEntry, Priority
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from tests.support.key_hashes import hash_of
from tests.unit.api.fakes import CONFIG, FakeRouter

PATH = "/v1/chat/completions"


class Priorities:
    """Two keys: `batch-key` and `interactive-key`."""

    def find(self, key_hash: str) -> KeyEntry | None:
        entries = {hash_of(f"{one.value}-key"): one for one in Priority}
        priority = entries.get(key_hash)
        return None if priority is None else KeyEntry(CallerKey(priority.value, priority=priority), key_hash, 1)


def scope_of(path: str = PATH, key: str = "", address: str = "10.0.0.1", **settings: int) -> Scope:
    router = FakeRouter(replace(CONFIG, settings=RouterSettings.model_validate(settings)))
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    app = SimpleNamespace(state=SimpleNamespace(router=router))
    return {"type": "http", "path": path, "method": "POST", "headers": headers, "client": (address, 1), "app": app}


async def receive() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nobody hangs up")


class Answers:
    """An app that answers when it is told to, and the statuses that were sent."""

    def __init__(self, *keys: str) -> None:
        self.admission = Admission(self, ApiKeys(keys))
        self.inside = 0
        self.statuses: list[int] = []
        self.end = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        await self.end.wait()
        if self.failure:
            raise self.failure
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])

    def ask(self, scope: Scope) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.admission(scope, receive, self.send))
