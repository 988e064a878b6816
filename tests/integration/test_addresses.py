"""Where a request goes for each way to write a deployment's address, over a real socket."""

from __future__ import annotations

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Deployment, Message, NativeRequest
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server
from tests.support.scripted import deployment

QUESTION: list[Message] = [{"role": "user", "content": "hi"}]
MODELS = {
    "openai": "gpt-4o",
    "groq": "llama-3.3-70b-versatile",
    "anthropic": "claude-sonnet-4-6",
    "gemini": "gemini-2.5-flash",
    "ollama_chat": "llama3",
    "azure": "mine",
}
CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"
NAMED = "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
PATHS = [
    ("openai", "/v1", CHAT),
    ("openai", CHAT, CHAT),
    ("openai", "/v1?tenant=a", f"{CHAT}?tenant=a"),
    ("openai", f"{CHAT}?tenant=a", f"{CHAT}?tenant=a"),
    ("groq", "/v1/?tenant=a", f"{CHAT}?tenant=a"),
    ("anthropic", "", "/v1/messages"),
    ("anthropic", "/v1", "/v1/messages"),
    ("anthropic", "/v1/messages", "/v1/messages"),
    ("anthropic", "/claude/v1/messages/?tenant=a", "/claude/v1/messages?tenant=a"),
    ("gemini", "/v1beta/", GEMINI),
    ("gemini", "/v1beta?tenant=a", f"{GEMINI}?tenant=a"),
    ("ollama_chat", "/", "/api/chat"),
    ("ollama_chat", "?tenant=a", "/api/chat?tenant=a"),
    ("azure", "/openai", f"{NAMED.partition('?')[0]}?api-version=2025-01-01"),
    ("azure", "/openai/v1/", f"{NAMED.partition('?')[0]}?api-version=2025-01-01"),
    ("azure", NAMED, NAMED),
    ("azure", "?tenant=a", f"{NAMED.partition('?')[0]}?api-version=2025-01-01&tenant=a"),
]


def at(server: Recorder, provider: str, base: str) -> Deployment:
    model = MODELS[provider]
    return deployment(model, provider=provider, litellm_model=f"{provider}/{model}", api_base=f"{server.url}{base}")


@pytest.mark.parametrize(("provider", "base", "path"), PATHS)
async def test_an_address_is_taken_with_or_without_its_path(
    provider: str, base: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_API_VERSION", "2025-01-01")
    async with recording_server(response(404, {"error": {"message": "none"}})) as server:
        with pytest.raises(ProviderFailure):
            await Engine(lambda _: "key").complete(at(server, provider, base), QUESTION, {})
        (request,) = server.requests
    assert request.startswith(f"POST {path} HTTP/1.1\r\n".encode())


async def test_tokens_are_counted_and_responses_asked_for_before_the_query() -> None:
    native = NativeRequest("messages", {"messages": [], "max_tokens": 1})
    async with recording_server(response(200, {"input_tokens": 3})) as server:
        where = at(server, "anthropic", "/v1?tenant=a")
        assert await Engine(lambda _: "key").count_tokens(where, native) == 3
        assert server.requests[0].startswith(b"POST /v1/messages/count_tokens?tenant=a HTTP/1.1\r\n")
    async with recording_server(response(404, {})) as server:
        asked = NativeRequest("responses", {"input": "hi"})
        with pytest.raises(ProviderFailure):
            await Engine(lambda _: "key").complete(at(server, "openai", "/v1?tenant=a"), QUESTION, {}, asked)
        assert server.requests[0].startswith(b"POST /v1/responses?tenant=a HTTP/1.1\r\n")


@pytest.mark.parametrize("base", ["http://me:pw@127.0.0.1:9/v1", "http://127.0.0.1:99999/v1", "127.0.0.1:9/v1"])
async def test_an_address_that_cannot_be_asked_is_a_failed_connection(base: str) -> None:
    """Such a one can come from a provider's environment variable."""
    where = deployment("gpt-4o", api_base=base)
    with pytest.raises(ProviderFailure) as told:
        await Engine(lambda _: "key").complete(where, QUESTION, {})
    assert told.value.kind is FailureKind.CONNECTION
    assert "pw" not in str(told.value)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_key_that_no_header_takes_is_a_refused_credential(stream: bool) -> None:
    async with recording_server() as server:
        asked, where = Engine(lambda _: "sk-secret\n"), at(server, "openai", "/v1")
        with pytest.raises(ProviderFailure) as told:
            if stream:
                _ = [chunk async for chunks in asked.stream(where, QUESTION, {}) for chunk in chunks]
            else:
                await asked.complete(where, QUESTION, {})
        assert (told.value.kind, server.requests) == (FailureKind.AUTHENTICATION, [])
    assert "secret" not in f"{told.value!r} {told.value.__cause__!r}"
