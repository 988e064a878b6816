"""Keys that say what each may do: who is let in, what a request carries of its key, and which models are listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from litellm_fallback_router.routing.callers import CallerKey, KeyEntry
from tests.support.key_hashes import hash_of
from tests.unit.api.fakes import FakeRouter, gateway

PAST, FUTURE = 1_700_000_000, 4_000_000_000
OPEN, NARROW, LATE, GONE = "sk-open", "sk-narrow", "sk-late", "sk-gone"
MESSAGES = [{"role": "user", "content": "hi"}]


def entry(key: str, **fields: Any) -> KeyEntry:
    models = fields.pop("models", ())
    return KeyEntry(CallerKey(f"id-of-{key}", models=models), hash_of(key), created_at=PAST, **fields)


class Listed:
    """Keys in memory."""

    def __init__(self, *entries: KeyEntry) -> None:
        self._entries = {one.key_hash: one for one in entries}
        self.finds = 0

    def find(self, key_hash: str) -> KeyEntry | None:
        self.finds += 1
        return self._entries.get(key_hash)


KEYS = Listed(
    entry(OPEN),
    entry(NARROW, models=("anthropic-*",)),
    entry(LATE, expires_at=PAST),
    entry(GONE, expires_at=FUTURE, revoked_at=PAST),
)


@pytest.fixture(scope="module")
def locked() -> Iterator[tuple[FakeRouter, str]]:
    fake = FakeRouter()
    with gateway(fake, api_keys=["plain-key"], caller_keys=KEYS) as url:
        yield fake, url


def call(url: str, path: str, key: str, body: dict[str, Any] | None = None) -> httpx.Response:
    method = "GET" if body is None else "POST"
    return httpx.request(method, url + path, json=body, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "openai-gpt4o", "messages": MESSAGES}),
        ("/v1/chat/completions", {"model": "openai-gpt4o", "messages": MESSAGES, "stream": True}),
        ("/v1/messages", {"model": "openai-gpt4o", "messages": MESSAGES, "max_tokens": 10}),
        ("/v1/responses", {"model": "openai-gpt4o", "input": "hi"}),
        ("/v1/embeddings", {"model": "openai-gpt4o", "input": "hi"}),
        ("/ask", {"question": "hi"}),
    ],
)
def test_a_request_of_every_format_carries_what_its_key_may_do(
    locked: tuple[FakeRouter, str], path: str, body: dict[str, Any]
) -> None:
    router, url = locked
    router.reset()
    call(url, path, OPEN, body)
    (asked,) = router.asked
    assert (asked.caller, asked.key) == (f"id-of-{OPEN}", CallerKey(f"id-of-{OPEN}"))


def test_a_key_without_limits_stands_beside_them(locked: tuple[FakeRouter, str]) -> None:
    router, url = locked
    router.reset()
    call(url, "/ask", "plain-key", {"question": "hi"})
    key = router.asked[0].key
    assert key is not None
    assert key == CallerKey(key.id)
    assert key.id == router.asked[0].caller == hash_of("plain-key")[:8]


@pytest.mark.parametrize(
    ("key", "why"), [(LATE, "is expired"), (GONE, "is revoked"), ("sk-unknown", "Missing or incorrect")]
)
def test_a_key_that_may_not_call_any_more_is_a_401_that_says_why(
    locked: tuple[FakeRouter, str], key: str, why: str
) -> None:
    router, url = locked
    router.reset()
    answer = call(url, "/v1/chat/completions", key, {"model": "openai-gpt4o", "messages": MESSAGES})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert why in answer.json()["error"]["message"]
    assert key not in answer.text
    assert router.asked == []


def test_only_the_models_of_the_key_are_listed_and_found(locked: tuple[FakeRouter, str]) -> None:
    _, url = locked
    every = [one["id"] for one in call(url, "/v1/models", OPEN).json()["data"]]
    own = [one["id"] for one in call(url, "/v1/models", NARROW).json()["data"]]
    assert every == ["openai-gpt4o", "anthropic-claude-sonnet", "cost-optimized"]
    assert own == ["anthropic-claude-sonnet"]
    assert call(url, "/v1/models/anthropic-claude-sonnet", NARROW).status_code == 200
    for path in ("/v1/models/openai-gpt4o", "/v1/models/gpt-4o", "/models/cost-optimized"):
        missing = call(url, path, NARROW)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
        assert "openai" not in missing.json()["error"]["message"].partition(";")[2]


def test_a_question_without_a_model_asks_one_of_the_key(locked: tuple[FakeRouter, str]) -> None:
    router, url = locked
    router.reset()
    assert call(url, "/ask", NARROW, {"question": "hi"}).status_code == 200
    assert router.asked[0].model == "anthropic-claude-sonnet"


def test_a_key_is_looked_up_once_for_each_request(locked: tuple[FakeRouter, str]) -> None:
    _, url = locked
    before = KEYS.finds
    assert call(url, "/v1/models", OPEN).status_code == 200
    assert call(url, "/v1/models", "sk-unknown").status_code == 401
    assert KEYS.finds == before + 2
