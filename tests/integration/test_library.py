"""The Python library against the simulator, as scripts, threads and async code use it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from litellm_fallback_router import AIAssistant, ChatRequest, Router, UnknownModelError, assistant, build_router
from local.simulator import Fault, SimulatorControl

QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."


@pytest.fixture
def simulated(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorControl]:
    """The library pointed at the simulator, with a Router of its own."""
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    simulator.reset()
    assistant.shared_router.cache_clear()
    yield simulator
    assistant.shared_router.cache_clear()
    simulator.reset()


@pytest.fixture
def router(simulated: SimulatorControl) -> Router:
    return build_router()


def request(model: str = "openai-gpt4o") -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": QUESTION}])


def test_the_assistant_answers_and_says_who_did(simulated: SimulatorControl) -> None:
    provider, response = AIAssistant(
        question=QUESTION, system_prompt="You are a helpful assistant.", primary_model="openai-gpt4o"
    )
    assert (provider, response) == ("openai:gpt-4o", ANSWER)
    body = simulated.requests()[-1].body
    assert body["messages"][0] == {"role": "system", "content": "You are a helpful assistant."}


def test_the_assistant_falls_back(simulated: SimulatorControl) -> None:
    simulated.inject(Fault(kind="status", status=503), provider="openai")
    assert AIAssistant(question=QUESTION, primary_model="openai-gpt4o") == ("anthropic:claude-sonnet-4-6", ANSWER)


def test_the_assistants_parameters_reach_the_provider(simulated: SimulatorControl) -> None:
    AIAssistant(QUESTION, primary_model="openai-gpt4o-mini", temperature=0.3, max_tokens=40, timeout=20)
    body = simulated.requests()[-1].body
    assert (body["temperature"], body["max_tokens"]) == (0.3, 40)


def test_an_unknown_model_lists_the_known_ones(simulated: SimulatorControl) -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean 'openai-gpt4o'.*cost-optimized") as caught:
        AIAssistant(QUESTION, primary_model="openai-gpt-4o")
    assert caught.value.param == "primary_model"


def test_whoever_answered_can_be_asked_again(simulated: SimulatorControl) -> None:
    answered, _ = AIAssistant(QUESTION, primary_model="anthropic-claude-haiku")
    assert AIAssistant(QUESTION, primary_model=answered) == ("anthropic:claude-haiku-4-5", ANSWER)
    assert AIAssistant(QUESTION, primary_model="claude-haiku-4-5") == ("anthropic:claude-haiku-4-5", ANSWER)


@pytest.mark.parametrize("strategy", ["cost-optimized", "performance-optimized", "multi-region-bedrock"])
def test_a_strategy_is_usable_where_a_model_is(simulated: SimulatorControl, strategy: str) -> None:
    first = {
        "cost-optimized": "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "performance-optimized": "openai:gpt-4o-mini",
        "multi-region-bedrock": "bedrock:us.anthropic.claude-sonnet-4-6",
    }
    assert AIAssistant(QUESTION, primary_model=strategy) == (first[strategy], ANSWER)


def test_threads_share_a_router_and_its_connections(simulated: SimulatorControl) -> None:
    answers: list[tuple[str, str]] = []
    AIAssistant(QUESTION)
    before = simulated.health()["connections"]

    def ask() -> None:
        answers.extend(AIAssistant(QUESTION) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [("openai:gpt-4o", ANSWER)] * 20
    assert simulated.health()["connections"] <= before + 4, "connections are kept between calls"


async def test_it_works_beside_a_running_event_loop(router: Router) -> None:
    assert AIAssistant(QUESTION)[1] == ANSWER
    result = await router.complete(request())
    assert (result.text, result.provider, len(result.ledger.attempts)) == (ANSWER, "openai:gpt-4o", 1)
    assert result.cost_usd is not None
    assert result.usage.total_tokens > 0
    assert router.complete_sync(request()).text == ANSWER
    answers = await asyncio.gather(*(router.complete(request()) for _ in range(20)))
    assert {answer.text for answer in answers} == {ANSWER}


async def test_a_stream_tells_who_answered_and_what_it_cost(router: Router, simulated: SimulatorControl) -> None:
    simulated.inject(Fault(kind="cut", after_chunks=2), provider="openai")
    async with router.stream(request()) as stream:
        text = "".join([chunk.choices[0]["delta"].get("content", "") async for chunk in stream])
    assert text == ANSWER
    assert [d.provider for d in stream.result.responders] == ["openai", "anthropic"]
    assert stream.result.cost_usd is not None
    assert stream.result.usage.completion_tokens > 0


def test_one_router_serves_one_event_loop_after_another(router: Router) -> None:
    for _ in range(3):
        assert asyncio.run(router.complete(request())).text == ANSWER


def test_the_front_door_is_light() -> None:
    """`import litellm_fallback_router` loads nothing heavy, and not even the names load LiteLLM."""
    script = (
        "import sys; before = set(sys.modules); import litellm_fallback_router as door;"
        "light = {n.split('.')[0] for n in set(sys.modules) - before};"
        "assert not light & {'pydantic', 'yaml', 'litellm', 'openai', 'httpx', 'boto3', 'fastapi'}, light;"
        "[getattr(door, name) for name in door.__all__];"
        "loaded = {n.split('.')[0] for n in sys.modules};"
        "heavy = loaded & {'litellm', 'openai', 'boto3', 'botocore', 'fastapi', 'aiohttp'};"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_plain_script_ends_cleanly(simulated: SimulatorControl) -> None:
    script = "from litellm_fallback_router import AIAssistant; print(AIAssistant('What is the capital of France?'))"
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulated.url}
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{('openai:gpt-4o', ANSWER)}\n", "")


def test_without_a_key_the_way_to_try_it_is_named() -> None:
    script = "from litellm_fallback_router import AIAssistant; AIAssistant('Hello')"
    bare = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=bare, capture_output=True, text=True, timeout=60, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "set OPENAI_API_KEY" in last
    assert "run `fallback-router serve --simulate` and set ROUTER_SIMULATOR_URL" in last
