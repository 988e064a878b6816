"""A simulator in the test's own event loop, official clients for it, and a plain one that sees every byte."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anthropic
import boto3
import httpx
import openai
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer

from local.simulator import AWS_ACCESS_KEY_ID, Simulator
from tests.support.bedrock_client import KNOWN

PROVIDERS = ("openai", "anthropic", "bedrock")
MODELS = {
    "openai": "gpt-4o",
    "anthropic": "claude-sonnet-4-6",
    "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
}


@dataclass
class StreamAccumulator:
    """What came over the wire."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: Exception | None = None
    """How the connection failed, if it did."""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """Speaks plain HTTP to one provider; a failing connection is a value."""

    sim: Simulator
    client: httpx.AsyncClient
    provider: str

    async def ask(
        self,
        text: str = "Count to 9",
        *,
        stream: bool = False,
        timeout: float = 10.0,
        region: str = "us-east-1",
        **more: Any,
    ) -> StreamAccumulator:
        request = self._request(text, stream=stream, region=region, **more)
        request.extensions["timeout"] = {"connect": 20.0, "read": timeout, "write": 20.0, "pool": 20.0}
        heard = StreamAccumulator()
        try:
            response = await self.client.send(request, stream=True)
            heard.status, heard.headers = response.status_code, dict(response.headers)
            try:
                async for data in response.aiter_raw():
                    heard.body += data
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            heard.error = error
        return heard

    def _request(self, text: str, *, stream: bool, region: str, **more: Any) -> httpx.Request:
        model = more.pop("model", MODELS[self.provider])
        if self.provider == "bedrock":
            body = {"messages": [{"role": "user", "content": [{"text": text}]}], **more}
            url = f"{self.sim.url}/bedrock/model/{model.replace(':', '%3A')}/converse{'-stream' if stream else ''}"
            return sign(url, body, region)
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, **more}
        if self.provider == "openai":
            headers = {"authorization": "Bearer sim-openai-key"}
            return httpx.Request("POST", f"{self.sim.url}/openai/v1/chat/completions", json=body, headers=headers)
        headers = {"x-api-key": "sim-anthropic-key", "anthropic-version": "2023-06-01"}
        body.setdefault("max_tokens", 1000)
        return httpx.Request("POST", f"{self.sim.url}/anthropic/v1/messages", json=body, headers=headers)

    def text(self, heard: StreamAccumulator, *, stream: bool) -> str:
        """The answer's text, as far as it came."""
        if stream:
            return "".join(self._delta(event) for event in events(self.provider, heard.body))
        body = heard.json()
        match self.provider:
            case "openai":
                return str(body["choices"][0]["message"]["content"])
            case "anthropic":
                return str(body["content"][0]["text"])
            case _:
                return str(body["output"]["message"]["content"][0]["text"])

    def _delta(self, event: dict[str, Any]) -> str:
        match self.provider:
            case "openai":
                return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
            case "anthropic":
                return str(event.get("delta", {}).get("text", ""))
            case _:
                return str(event["payload"].get("delta", {}).get("text", ""))


def sign(url: str, body: Any, region: str, credentials: Credentials = KNOWN) -> httpx.Request:
    data = json.dumps(body).encode()
    request = AWSRequest("POST", url, headers={"content-type": "application/json"}, data=data)
    SigV4Auth(credentials, "bedrock", region).add_auth(request)
    return httpx.Request("POST", url, content=data, headers=dict(request.headers.items()))


def events(provider: str, body: bytes) -> list[dict[str, Any]]:
    """The events of a stream; `[DONE]` is {"done": True}. Raises for one that cannot be decoded."""
    if provider == "bedrock":
        buffer = EventStreamBuffer()
        buffer.add_data(body)
        return [{"headers": one.headers, "payload": json.loads(one.payload)} for one in buffer]
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    return [{"done": True} if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=10) as client:
        yield client


@pytest.fixture(params=PROVIDERS)
def wire(request: pytest.FixtureRequest, sim: Simulator, http: httpx.AsyncClient) -> Wire:
    """Each provider in turn."""
    return Wire(sim, http, request.param)


@pytest.fixture
def wire_to(sim: Simulator, http: httpx.AsyncClient) -> Callable[[str], Wire]:
    return lambda provider: Wire(sim, http, provider)


@pytest.fixture
def events_of() -> Callable[[str, bytes], list[dict[str, Any]]]:
    return events


@pytest.fixture
def signed() -> Callable[..., httpx.Request]:
    return sign


@pytest.fixture
async def openai_client(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{sim.url}/openai/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="sim-openai-key", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
async def anthropic_client(sim: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    url = f"{sim.url}/anthropic"
    async with anthropic.AsyncAnthropic(base_url=url, api_key="sim-anthropic-key", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def bedrock_client(sim: Simulator) -> Iterator[Any]:
    """boto3's own client. It blocks: call it in a thread."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{sim.url}/bedrock",
        region_name="us-east-1",
        aws_access_key_id=AWS_ACCESS_KEY_ID,
        aws_secret_access_key="sim-bedrock-secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=10, connect_timeout=10),
    )
    yield client
    client.close()
