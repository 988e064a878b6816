"""LiteLLM fetches nothing from the internet on its own: that would hold up the event loop, and decide what is sent."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Simulator

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


async def test_which_beta_headers_anthropic_knows_is_read_from_the_package(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    litellm()
    beta = importlib.import_module("litellm.anthropic_beta_headers_manager")
    monkeypatch.setattr(beta, "_BETA_HEADERS_CONFIG", None)
    fetched: list[Any] = []

    def get(url: Any, **_: Any) -> httpx.Response:
        fetched.append(url)
        raise httpx.ConnectError("nobody is to be asked")

    monkeypatch.setattr(httpx, "get", get)
    async with build_router(Settings(simulator_url=simulator.url)) as router:
        question = [{"role": "user", "content": "hi"}]
        params = {"response_format": FORMAT, "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
        for given in ({"response_format": FORMAT}, params):
            await router.complete(ChatRequest("anthropic-claude-haiku", question, params=given))
    assert fetched == []
    assert beta._BETA_HEADERS_CONFIG, "it was asked for"
