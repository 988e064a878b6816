"""LiteLLM's reports to callbacks: not made where nobody listens. Fails when an upgrade of LiteLLM moves the place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm.integrations.custom_logger import CustomLogger

from litellm_fallback_router import ChatRequest, build_router
from litellm_fallback_router.adapters.litellm_provider.library import litellm
from local.simulator import SimulatorControl

HEARD_SECONDS = 10.0


class Listener(CustomLogger):  # type: ignore[misc] # LiteLLM is not followed by the type checker
    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    async def async_log_success_event(self, *args: Any, **call: Any) -> None:
        self.heard.set()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one for each report that LiteLLM begins to put together."""
    made: list[str] = []
    logging_type = litellm().litellm_core_utils.litellm_logging.Logging
    original = logging_type.async_success_handler

    async def noted(self: object, *args: Any, **call: Any) -> None:
        made.append("report")
        await original(self, *args, **call)

    monkeypatch.setattr(logging_type, "async_success_handler", noted)
    return made


async def answer(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, model: str) -> str:
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    router = build_router()
    try:
        result = await router.complete(
            ChatRequest(model, [{"role": "user", "content": "What is the capital of France?"}])
        )
    finally:
        await asyncio.sleep(0.2)  # LiteLLM reports from a task of its own
        await router.aclose()
    assert result.cost_usd is not None
    return result.text


@pytest.mark.parametrize("model", ["openai-gpt4o", "anthropic-claude-sonnet", "bedrock-claude-sonnet"])
async def test_no_report_is_made_where_nobody_listens(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, reports: list[str], model: str
) -> None:
    assert "Paris" in await answer(simulator, monkeypatch, model)
    assert reports == []


async def test_a_callback_of_somebody_elses_is_still_served(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, reports: list[str]
) -> None:
    listener = Listener()
    monkeypatch.setattr(litellm(), "callbacks", [listener])
    await answer(simulator, monkeypatch, "openai-gpt4o")
    async with asyncio.timeout(HEARD_SECONDS):
        await listener.heard.wait()
    assert reports == ["report"]
