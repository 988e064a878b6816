"""The response cache, through the running gateway and OpenAI's client: whole and streamed, chats and embeddings, and in
the other formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process

PARIS: Any = [{"role": "user", "content": "What is the capital of France?"}]
TAKES_PART = {"router": {"cache": True}}
EMBEDDER = {"model_name": "embed", "litellm_provider": "openai", "params": {"model": "text-embedding-3-small"}}
TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    mapping = {
        **ROUTER_STYLE_MAPPING,
        "model_list": [*ROUTER_STYLE_MAPPING["model_list"], EMBEDDER],
        "settings": {"circuit_failures": 100},
        "cache": {"store": "memory", "ttl": 600},
    }
    env = {"GATEWAY_API_KEYS": "mine,yours"}
    with gateway_process(tmp_path_factory.mktemp("cache"), mapping, simulator_url=simulator.url, env=env) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_past(simulator: SimulatorControl) -> None:
    simulator.reset()


class Asker:
    """OpenAI's client; each test has a seed of its own, so that nothing of another's is kept for it."""

    def __init__(self, gateway: Gateway, seed: int, key: str = "mine") -> None:
        self.client = OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=60.0)
        self.seed = seed

    def __call__(self, *, stream: bool = False, **fields: Any) -> tuple[str, dict[str, Any], httpx.Headers]:
        """Text, usage, headers."""
        asked = {"model": "openai-gpt4o", "messages": PARIS, "seed": self.seed, "extra_body": TAKES_PART, **fields}
        if not stream:
            raw = self.client.chat.completions.with_raw_response.create(**asked)
            answer = raw.parse()
            return answer.choices[0].message.content or "", answer.usage.to_dict(), raw.headers
        streamed = self.client.chat.completions.with_raw_response.create(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(streamed.parse())
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        return text, chunks[-1].usage.to_dict(), streamed.headers


@pytest.mark.parametrize("again", [False, True], ids=["then whole", "then stream"])
@pytest.mark.parametrize("first", [False, True], ids=["whole", "stream"])
def test_an_equal_request_costs_nothing_and_says_that_it_is_a_hit(
    gateway: Gateway, simulator: SimulatorControl, first: bool, again: bool
) -> None:
    ask = Asker(gateway, seed=10 + 2 * first + again)
    text, usage, headers = ask(stream=first)
    assert (headers["x-router-cache"], "age" in headers) == ("miss", False)
    repeated, same_usage, headers = ask(stream=again)
    assert (repeated, same_usage) == (text, usage)
    assert (headers["x-router-cache"], headers["x-router-attempts"]) == ("hit", "0")
    assert int(headers["age"]) >= 0
    assert (headers["x-router-provider"], headers["x-router-model"]) == ("openai", "gpt-4o")
    if not again:
        assert float(headers["x-router-cost-usd"]) == 0
    assert len(simulator.requests()) == 1


def test_a_request_that_does_not_ask_for_it_and_another_caller_get_answers_of_their_own(
    gateway: Gateway, simulator: SimulatorControl
) -> None:
    mine, yours = Asker(gateway, seed=20), Asker(gateway, seed=20, key="yours")
    mine()
    assert "x-router-cache" not in mine(extra_body={})[2]
    assert yours()[2]["x-router-cache"] == "miss"
    assert yours()[2]["x-router-cache"] == "hit"
    assert len(simulator.requests()) == 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_is_cut_off_called_or_from_a_fallback_is_asked_again(
    gateway: Gateway, simulator: SimulatorControl, stream: bool
) -> None:
    ask = Asker(gateway, seed=30 + stream)
    weather: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
    for fields in ({"max_tokens": 1}, {"messages": weather, "tools": [TOOL], "tool_choice": "required"}):
        for _ in range(2):
            assert ask(stream=stream, **fields)[2]["x-router-cache"] == "miss"
    simulator.inject(Fault(kind="status", status=503), provider="openai")
    for _ in range(2):
        headers = ask(stream=stream)[2]
        assert (headers["x-router-cache"], headers["x-router-fallback"]) == ("miss", "true")


def test_a_hit_is_explained_and_logged_without_what_was_said(gateway: Gateway) -> None:
    ask = Asker(gateway, seed=40)
    told = {"router": {"cache": True, "explain": True}}
    first, second = (
        ask.client.chat.completions.create(model="openai-gpt4o", messages=PARIS, seed=40, extra_body=told).to_dict()
        for _ in range(2)
    )
    assert first["router"]["cache"] == {"outcome": "miss", "stored": True}  # type: ignore[index]
    report: Any = second["router"]
    assert (report["cache"]["outcome"], report["attempts"], report["cost_usd"]) == ("hit", [], 0.0)
    assert second["created"] == first["created"]
    text = gateway.log.read_text()
    line = json.loads([line for line in text.splitlines() if "request_answered" in line][-1])
    assert line["cache"]["outcome"] == "hit"
    assert "capital" not in text


def test_vectors_are_given_again(gateway: Gateway, simulator: SimulatorControl) -> None:
    client = Asker(gateway, seed=0).client.embeddings.with_raw_response
    for form in ("float", "base64"):
        made = [
            client.create(model="embed", input=["one", "two"], encoding_format=form, extra_body=TAKES_PART)
            for _ in range(2)
        ]
        assert [one.headers["x-router-cache"] for one in made] == ["miss", "hit"]
        assert made[0].parse() == made[1].parse()
    assert len(simulator.requests()) == 2


@pytest.mark.parametrize("model", ["anthropic-claude", "openai-gpt4o"])
def test_messages_are_given_again_as_claude_wrote_them_each_form_by_itself(
    gateway: Gateway, simulator: SimulatorControl, model: str
) -> None:
    names = [one["model_name"] for one in ROUTER_STYLE_MAPPING["model_list"]]
    name = next((one for one in names if one.startswith(model)), model)
    client = Anthropic(base_url=gateway.url, api_key="mine", max_retries=0, timeout=60.0).messages
    asked: Any = {"model": name, "max_tokens": 100, "messages": PARIS, "extra_body": TAKES_PART}
    whole = [client.with_raw_response.create(**asked) for _ in range(2)]
    assert [one.headers["x-router-cache"] for one in whole] == ["miss", "hit"]
    first, second = (one.parse() for one in whole)
    assert (second.content, second.usage, second.stop_reason) == (first.content, first.usage, first.stop_reason)
    streams = [client.with_raw_response.create(**asked, stream=True) for _ in range(2)]
    events = [[event.to_dict() for event in one.parse()] for one in streams]
    assert [one.headers["x-router-cache"] for one in streams] == ["miss", "hit"]
    if model.startswith("anthropic"):
        assert events[0] == events[1]
        assert first.id == second.id
    said = ["".join(e["delta"].get("text", "") for e in one if e["type"] == "content_block_delta") for one in events]
    assert said[0] == said[1] != ""
    assert len(simulator.requests()) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_responses_are_given_again(gateway: Gateway, simulator: SimulatorControl, stream: bool) -> None:
    client = Asker(gateway, seed=0).client.responses
    asked: Any = {
        "model": "openai-gpt4o",
        "input": f"What is the capital of France? {stream}",
        "extra_body": TAKES_PART,
    }
    if stream:
        made = [client.with_raw_response.create(**asked, stream=True) for _ in range(2)]
        told = [[event.to_dict() for event in one.parse()] for one in made]
    else:
        made = [client.with_raw_response.create(**asked) for _ in range(2)]
        told = [[one.parse().to_dict()] for one in made]
    assert [one.headers["x-router-cache"] for one in made] == ["miss", "hit"]
    assert told[0] == told[1]
    assert len(simulator.requests()) == 1


def test_a_field_of_the_wrong_type_is_named(gateway: Gateway) -> None:
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"authorization": "Bearer mine"},
        json={"model": "openai-gpt4o", "messages": PARIS, "router": {"cache": "yes"}},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "router.cache")
