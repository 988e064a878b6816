"""Optional API keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import openai
import pytest

from litellm_fallback_router.api.app import create_app
from tests.unit.api.fakes import FakeRouter, as_router, gateway

KEYS = ("first-key", "second-key")
QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def locked() -> Iterator[tuple[FakeRouter, str]]:
    fake = FakeRouter()
    with gateway(fake, api_keys=KEYS) as url:
        yield fake, url


@pytest.mark.parametrize("key", KEYS)
def test_right_key_is_let_in_and_known_by_an_id_only(locked: tuple[FakeRouter, str], key: str) -> None:
    router, url = locked
    router.reset()
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
        client.chat.completions.create(model="openai-gpt4o", messages=[{"role": "user", "content": "hi"}])
    assert router.asked[0].caller == hashlib.sha256(key.encode()).hexdigest()[:8]


def test_wrong_key_raises_the_client_s_authentication_error(locked: tuple[FakeRouter, str]) -> None:
    router, url = locked
    router.reset()
    with openai.OpenAI(base_url=f"{url}/v1", api_key="wrong") as client, pytest.raises(openai.AuthenticationError) as e:
        client.models.list()
    assert e.value.code == "invalid_api_key"
    assert "wrong" not in str(e.value)
    assert router.asked == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_anthropic_s_and_azure_s_headers_hold_a_key_too(locked: tuple[FakeRouter, str], header: str, path: str) -> None:
    method = "GET" if path == "/v1/models" else "POST"
    answers = [httpx.request(method, locked[1] + path, json=QUESTION, headers={header: key}) for key in (KEYS[0], "x")]
    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", "Basic first-key", "first-key", "Bearer first-key second-key", "é"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/ask"])
def test_anything_but_a_key_is_a_401(locked: tuple[FakeRouter, str], header: str | None, path: str) -> None:
    headers: dict[bytes, bytes] = {} if header is None else {b"authorization": header.encode()}
    answer = httpx.post(locked[1] + path, json=QUESTION, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_asks_for_a_key_but_the_open_ones(locked: tuple[FakeRouter, str]) -> None:
    app = create_app(lambda: as_router(FakeRouter()), api_keys=KEYS)
    paths = {path for path in app.openapi()["paths"] if path != "/health"}
    assert len(paths) >= 4
    for path in paths:
        methods = app.openapi()["paths"][path]
        for method in methods:
            url = locked[1] + path.replace("{model_id}", "x")
            assert httpx.request(method, url).status_code == 401
    for path in ("/health", "/deep-health/0123abcd", "/docs", "/openapi.json", "/"):
        assert httpx.get(locked[1] + path).status_code == 200


def test_blank_key_stops_the_start() -> None:
    with pytest.raises(ValueError, match="blank"):
        create_app(lambda: as_router(FakeRouter()), api_keys=["good", " "])


def test_without_keys_everyone_is_let_in(http: httpx.Client, router: FakeRouter) -> None:
    assert http.post("/v1/chat/completions", json=QUESTION).status_code == 200
    assert router.asked[0].caller is None
