"""Requests that LiteLLM would not, or only in part, put into a provider's form: the reason says so, and the field."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Message
from local.simulator import SimulatorControl
from tests.integration.test_failure_table import MESSAGES, failure
from tests.support.raw_server import raw_server, response
from tests.support.scripted import deployment

UNASKED = response(500, {"message": "nobody should have asked"})
PICTURE = "http://127.0.0.1:1/secret-4711.png"
HIDDEN: list[Message] = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", ["anthropic", "bedrock"])
async def test_an_image_that_cannot_be_fetched(provider: str, streaming: bool) -> None:
    async with raw_server(UNASKED) as url:
        failed = await failure(provider, url, messages=HIDDEN, streaming=streaming)
    assert (failed.kind, failed.param, failed.status) == (FailureKind.REJECTED, "messages", None)
    assert "none is fetched" in failed.reason
    assert "4711" not in failed.reason + failed.detail


async def test_what_has_no_form_there() -> None:
    custom = {"tools": [{"type": "custom", "custom": {"name": "secret_4711"}}]}
    async with raw_server(UNASKED) as url:
        failed = await failure("anthropic", url, params=custom, streaming=False)
    assert (failed.kind, failed.status) == (FailureKind.REJECTED, None)
    assert "before it was sent" in failed.reason
    assert "4711" not in failed.reason + failed.detail


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
    ],
)
async def test_a_need_that_litellm_would_leave_out_for_another_provider(
    simulator: SimulatorControl, params: dict[str, Any], field: str
) -> None:
    simulator.reset()
    place = deployment(
        "x", provider="mistral", litellm_model="mistral/mistral-large-latest", api_base=f"{simulator.url}/openai/v1"
    )
    with pytest.raises(ProviderFailure) as refused:
        await Engine(lambda _: "key").complete(place, MESSAGES, params)
    assert (refused.value.kind, refused.value.param) == (FailureKind.REJECTED, field)
    assert simulator.requests() == []
