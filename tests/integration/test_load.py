"""Many requests at once while providers misbehave at random, and many in a row."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI

from local.simulator import Fault, SimulatorControl
from local.simulator.faults import ProviderName
from tests.support.gateway import Gateway, gateway_process
from tests.support.waiting import eventually

PROVIDERS: tuple[ProviderName, ...] = ("openai", "anthropic", "bedrock")
CONCURRENT = 200
IN_A_ROW = 5_000
AT_ONCE = 16


def mapping() -> dict[str, Any]:
    models = [
        {
            "model_name": provider,
            "litellm_provider": provider,
            "params": {"model": f"sim-load-{provider}", **({"region": "us-east-1"} if provider == "bedrock" else {})},
        }
        for provider in PROVIDERS
    ]
    # No fault here is one of silence: on a slow machine, too, time alone makes no failure.
    settings = {"first_token_timeout": 30.0, "answer_timeout": 30.0, "stall_timeout": 30.0, "backoff_base": 0.05}
    return {
        "model_list": models,
        "fallbacks": {"openai": ["anthropic", "bedrock"]},
        "settings": {**settings, "circuit_open_seconds": 0.5},
    }


@pytest.fixture
def gateway(simulator: SimulatorControl, tmp_path: Path) -> Iterator[Gateway]:
    simulator.reset()
    with gateway_process(tmp_path, mapping(), simulator_url=simulator.url) as running:
        yield running
    simulator.reset()


FAULTS = (
    Fault(kind="status", status=503),
    Fault(kind="status", status=429, retry_after="0.1"),
    Fault(kind="reset"),
    Fault(kind="cut", after_chunks=4),
    Fault(kind="malformed", after_chunks=2),
    Fault(kind="html"),
)


def misbehave(simulator: SimulatorControl, probability: float) -> None:
    """Faults that together strike about `probability` of all calls."""
    for seed, fault in enumerate(FAULTS):
        simulator.inject(fault, probability=probability / len(FAULTS), seed=seed)


async def meet_everything_once(client: AsyncOpenAI, simulator: SimulatorControl) -> None:
    """Each provider answers, then fails in each way, whole and streamed.

    What a process loads at the first of these it keeps (Bedrock's first answer: 7 MB). Dice alone may
    bring them late, and a first measurement without them would see them as growth.
    """
    for provider in PROVIDERS:
        for number in (0, 1):
            assert await ask(client, number, provider) == "answered"
            for fault in FAULTS:
                simulator.inject(fault, provider=provider, times=1)
                await ask(client, number, provider)
    simulator.reset()


async def ask(client: AsyncOpenAI, number: int, model: str = "openai") -> str:
    """`answered` or the error's name. Asserts that the answer is this question's, whole."""
    text = f"question number {number} of many"
    expected = f"You said: {text}\nThat is all I have to answer to it. Ask me something else whenever you like."
    messages: Any = [{"role": "user", "content": text}]
    try:
        if number % 2:
            answer = await client.chat.completions.create(model=model, messages=messages)
            said = answer.choices[0].message.content
        else:
            stream = await client.chat.completions.create(model=model, messages=messages, stream=True)
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    except APIError as error:
        return type(error).__name__
    assert said == expected
    return "answered"


async def test_no_answer_is_lost_or_mixed_up_under_random_faults(gateway: Gateway, simulator: SimulatorControl) -> None:
    misbehave(simulator, 0.3)
    async with gateway.async_client() as client, asyncio.timeout(100):
        outcomes = Counter(await asyncio.gather(*(ask(client, n) for n in range(CONCURRENT))))
    assert outcomes["answered"] >= CONCURRENT * 0.95, outcomes
    await assert_idle(simulator)


async def assert_idle(simulator: SimulatorControl) -> None:
    """Nothing the gateway began is still under way upstream."""
    await eventually(lambda: simulator.health()["in_flight"] == 0)


def resident_kilobytes(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.mark.timeout(600)
async def test_memory_stays_flat_over_thousands_of_requests(gateway: Gateway, simulator: SimulatorControl) -> None:
    numbers = iter(range(IN_A_ROW))
    measured: list[int] = []

    async def worker(client: AsyncOpenAI) -> None:
        for number in numbers:
            await ask(client, number)
            if number in (IN_A_ROW // 5, IN_A_ROW - 1):
                measured.append(resident_kilobytes(gateway))

    async with gateway.async_client() as client, asyncio.timeout(500):
        await meet_everything_once(client, simulator)
        misbehave(simulator, 0.05)
        await asyncio.gather(*(worker(client) for _ in range(AT_ONCE)))
    early, late = measured
    assert late <= early * 1.03, f"{early} kB after {IN_A_ROW // 5} requests, {late} kB after {IN_A_ROW}"
    await assert_idle(simulator)
