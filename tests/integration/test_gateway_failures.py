"""What OpenAI clients see of failures behind the real gateway: their own exceptions, time limits, broken streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import LLAMA, PARIS, gateway_to_all, told_by
from tests.support.waiting import eventually, wait_until


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_to_all(simulator, tmp_path_factory.mktemp("failures")) as running:
        yield running


def test_clients_raise_their_own_exceptions(client: OpenAI, simulator: SimulatorControl) -> None:
    with pytest.raises(openai.NotFoundError, match="known: openai"):
        client.chat.completions.create(model="gpt-5000", messages=PARIS)
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model="openai", messages=[])
    client.chat.completions.create(model="limited", messages=PARIS)
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="limited", messages=PARIS)
    assert 50 <= int(limited.value.response.headers["retry-after"]) <= 60
    simulator.inject(Fault(kind="content_filter"), model="gpt-4o")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="openai", messages=PARIS)
    assert refused.value.code == "content_filter"


def test_an_exhausted_chain_tells_clients_not_to_multiply_it(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="status", status=500), model="sim-doomed")
    with (
        gateway.client(max_retries=5) as client,
        pytest.raises(openai.InternalServerError) as failed,
    ):
        client.chat.completions.create(model="doomed", messages=PARIS)
    assert failed.value.status_code == 502
    assert "doomed: 500 unavailable" in str(failed.value)
    assert len(simulator.requests()) == 3, "three tries on the last candidate, once"


def test_the_callers_own_timeout_bounds_the_chain(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"))
    began = time.monotonic()
    with pytest.raises(openai.APIStatusError) as late:
        client.chat.completions.create(model="mute", messages=PARIS, extra_headers={"x-router-timeout-ms": "2000"})
    assert late.value.status_code == 504
    assert 1.0 < time.monotonic() - began < 4.0
    assert {r.provider for r in simulator.requests()} == {"openai", "anthropic"}, "the last one had its chance"


def test_the_primary_is_back_within_seconds_of_its_recovery(client: OpenAI, simulator: SimulatorControl) -> None:
    def who() -> str:
        raw = client.chat.completions.with_raw_response.create(model="flaky", messages=PARIS)
        return str(raw.headers["x-router-provider"])

    rule = simulator.inject(Fault(kind="status", status=503), model="sim-flaky")
    assert [who() for _ in range(6)] == ["anthropic"] * 6
    simulator.clear_requests()
    who()
    assert [r.model for r in simulator.requests()] == ["sim-solid"], "an open circuit costs nothing"
    simulator.remove(rule)
    wait_until(lambda: who() == "openai")


def test_a_broken_stream_without_a_successor_ends_in_an_error_event(
    client: OpenAI, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=3), model=LLAMA)
    said = ""
    with pytest.raises(openai.APIError, match="incomplete"):
        for chunk in client.chat.completions.create(model="llama", messages=PARIS, stream=True):
            assert chunk.choices[0].finish_reason is None
            said += chunk.choices[0].delta.content or ""
    assert said
    assert "Paris is the capital of France.".startswith(said)


@pytest.mark.parametrize("style", ["exact", "restart", "overlap"])
@pytest.mark.parametrize("backup", ["prefill"])
def test_a_resumed_stream_reads_as_if_nothing_had_happened(
    client: OpenAI, simulator: SimulatorControl, style: str, backup: str
) -> None:
    simulator.settings(continuation=style)
    simulator.inject(Fault(kind="cut", after_chunks=20), model="gpt-4o")
    chunks = list(
        client.chat.completions.create(
            model="openai", messages=[{"role": "user", "content": "Count to 50"}], stream=True
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == ", ".join(str(n) for n in range(1, 51)) + "."
    router: Any = (chunks[-1].model_extra or {})["router"]
    assert router["responders"] == ["openai:gpt-4o", "anthropic:claude-haiku-4-5"]


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_caller_that_hangs_up_stops_the_work_upstream(
    gateway: Gateway, simulator: SimulatorControl, streaming: bool
) -> None:
    simulator.reset()
    simulator.settings(latency=0.0 if streaming else 30.0, chunk_delay=0.2)
    body = {"model": "anthropic", "messages": [{"role": "user", "content": "Count to 500"}], "stream": streaming}
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        with pytest.raises((TimeoutError, httpx.TransportError)):
            async with asyncio.timeout(1.5):
                async with http.stream("POST", "/v1/chat/completions", json=body, timeout=30) as response:
                    async for _ in response.aiter_bytes():
                        pass
    await eventually(lambda: simulator.health()["in_flight"] == 0)
    assert [r.disconnected for r in simulator.requests()] == [True], "stopped, and not asked again"
    simulator.reset()


def test_no_prompt_answer_or_key_is_in_the_log(gateway: Gateway, client: OpenAI, simulator: SimulatorControl) -> None:
    for kind in ("wrong_key", "rejected", "content_filter", "cut"):
        simulator.inject(Fault(kind=kind), model="gpt-4o", times=1)
        with contextlib.suppress(openai.APIError):
            client.chat.completions.create(model="openai", messages=PARIS)
    log = gateway.log.read_text()
    assert "attempt_failed" in log
    assert told_by(log) == []
