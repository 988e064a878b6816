"""One gateway on loopback for all tests of a file; a fresh script for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import openai
import pytest

from tests.unit.api.fakes import FakeRouter, gateway


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeRouter, str]]:
    fake = FakeRouter()
    with gateway(fake) as url:
        yield fake, url


@pytest.fixture
def router(served: tuple[FakeRouter, str]) -> FakeRouter:
    served[0].reset()
    return served[0]


@pytest.fixture
def http(served: tuple[FakeRouter, str], router: FakeRouter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[1], timeout=20) as client:
        yield client


@pytest.fixture
def client(served: tuple[FakeRouter, str], router: FakeRouter) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served[1]}/v1", api_key="any", timeout=20, max_retries=1) as official:
        yield official


@pytest.fixture
async def async_client(served: tuple[FakeRouter, str], router: FakeRouter) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{served[1]}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="any", timeout=20, max_retries=1) as official:
        yield official
