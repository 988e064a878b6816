"""The floor that the bench measures gateways against answers what they are sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bench import floor, wire
from local.simulator import SimulatorControl
from tests.support.fitted import ASK, tool


@pytest.mark.parametrize("more", [{}, {"tools": [tool()]}], ids=["plain", "tools"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_answers_every_body(
    *, simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], stream: bool
) -> None:
    simulator.reset()
    place = {"model": f"openai/{wire.MODEL}", "api_base": f"{simulator.url}/openai/v1", "api_key": "sim-openai-key"}
    monkeypatch.setitem(floor.CALLS, wire.MODEL, place)
    body = {"model": wire.MODEL, "messages": [ASK], "stream": stream, **more}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(floor.app), base_url="http://floor") as client:
        answer = await client.post("/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 200
    assert simulator.requests()[0].body.get("tools") == more.get("tools")
