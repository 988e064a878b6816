"""Each provider and the fallback chain in action, through the Python library.

python test_litellm_fallback.py     asks the providers that have a key; without any, a simulator it starts itself
pytest test_litellm_fallback.py     always the simulator: a test run spends no money
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

try:
    import pytest

    from litellm_fallback_router import (
        ROUTER_STYLE_MAPPING,
        AIAssistant,
        ChatRequest,
        ChatResult,
        ConfigurationError,
        Router,
        RouterError,
        UnknownModelError,
        build_router,
    )
    from litellm_fallback_router.assistant import shared_router
    from litellm_fallback_router.bootstrap import assemble
    from litellm_fallback_router.commands.deployments import keyless
    from litellm_fallback_router.commands.formatting import attempt_lines, dollars
    from litellm_fallback_router.routing.types import Deployment
    from local.simulator import Fault, SimulatorControl, simulator_process
except ImportError as missing:
    sys.exit(f"{missing}.\nInstall the requirements with `make test`, then run .venv/bin/python {sys.argv[0]}")

QUESTION = "What is the capital of France?"
SYSTEM_PROMPT = "You are a helpful assistant. Answer in one short sentence."
MODELS = [entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"]]
STRATEGIES = list(ROUTER_STYLE_MAPPING["strategies"])
NOBODY_LISTENS = "http://127.0.0.1:9/v1"
DOWN = Fault(kind="status", status=503)
CLAUDE = "us.anthropic.claude-sonnet-4-6"
OUTAGES: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "OpenAI is down": ("openai-gpt4o", [{"provider": "openai"}], "anthropic-claude-sonnet"),
    "OpenAI and Anthropic are down": (
        "openai-gpt4o",
        [{"provider": "openai"}, {"provider": "anthropic"}],
        "bedrock-claude-sonnet",
    ),
    "Bedrock us-east-1 is down": ("multi-region-bedrock", [{"region": "us-east-1"}], "bedrock-claude-sonnet-west"),
    "Bedrock Claude is down everywhere": ("multi-region-bedrock", [{"model": CLAUDE}], "bedrock-llama"),
}
"""What is down -> who is asked, what the fault acts on, who must answer."""


def assistant_answers(model: str) -> str:
    """`AIAssistant` gets an answer from the model itself, not from a fallback."""
    provider, response = AIAssistant(QUESTION, SYSTEM_PROMPT, model, max_tokens=60, timeout=60)
    own = {deployment.label for deployment in shared_router().config.group(model)}
    assert provider in own, f"{provider} answered in its place; `fallback-router doctor` says why"
    assert "Paris" in response, f"a strange answer: {response!r}"
    return f"{provider}: {response.strip()}"


def strategy_answers(strategy: str) -> str:
    """A strategy works wherever a model name does."""
    provider, response = AIAssistant(QUESTION, SYSTEM_PROMPT, strategy, max_tokens=60, timeout=60)
    assert "Paris" in response, f"a strange answer: {response!r}"
    return f"{provider}: {response.strip()}"


def unreachable_model_falls_over(fallback: str) -> str:
    """A model that nobody listens for is passed over, and the ledger says so."""
    unreachable = Deployment(
        id="unreachable",
        model_name="unreachable",
        provider="openai",
        model="gpt-4o",
        litellm_model="openai/gpt-4o",
        credential="none",
        api_base=NOBODY_LISTENS,
    )
    config = shared_router().config
    chains = {**config.chains, "unreachable": ("unreachable", fallback)}
    router = assemble(replace(config, deployments=(unreachable, *config.deployments), chains=chains))
    result = ask(router, "unreachable")
    assert result.fallback
    assert result.ledger.attempts[0].failure == "connection"
    return summary(result)


def stream_arrives(model: str) -> str:
    """A stream gives the answer piece by piece, then usage and cost."""

    async def collect() -> tuple[str, ChatResult]:
        router, text = build_router(), ""
        try:
            async with router.stream(question_to(model)) as stream:
                async for chunk in stream:
                    text += "".join(choice["delta"].get("content") or "" for choice in chunk.choices)
                return text, stream.result
        finally:
            await router.aclose()

    text, result = asyncio.run(collect())
    assert "Paris" in text, f"a strange answer: {text!r}"
    assert result.usage.completion_tokens > 0
    return f"{summary(result)}: {text.strip()}"


def unknown_model_is_told() -> str:
    """The error lists the names that exist."""
    try:
        AIAssistant(QUESTION, primary_model="no-such-model")
    except UnknownModelError as error:
        told = str(error)
    else:
        raise AssertionError("an unknown model was answered")
    assert all(name in told for name in shared_router().config.chains)
    return told


def outage_is_survived(outage: str, simulator: SimulatorControl) -> str:
    """Who answers while others are down."""
    model, targets, survivor = OUTAGES[outage]
    for target in targets:
        simulator.inject(DOWN, **target)
    result = ask(shared_router(), model)
    simulator.reset()
    assert result.deployment.id == survivor, f"{result.deployment.id} answered"
    return summary(result)


def everything_down_is_told(simulator: SimulatorControl) -> str:
    """A clear error with every attempt, inside the caller's time."""
    simulator.inject(DOWN)
    started = time.monotonic()
    try:
        ask(shared_router(), "openai-gpt4o", timeout=10)
    except RouterError as error:
        simulator.reset()
        assert time.monotonic() - started < 10
        asked = {attempt.deployment for attempt in error.ledger.attempts}
        assert asked == set(shared_router().config.chains["openai-gpt4o"])
        return str(error)
    raise AssertionError("somebody answered though everything is down")


def question_to(model: str, timeout: float = 60) -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": QUESTION}], {"max_tokens": 60}, timeout=timeout)


def ask(router: Router, model: str, timeout: float = 60) -> ChatResult:
    result = router.complete_sync(question_to(model, timeout))
    assert "Paris" in result.text, f"a strange answer: {result.text!r}"
    return result


def summary(result: ChatResult) -> str:
    attempts = attempt_lines(attempt.to_json() for attempt in result.ledger.attempts)
    return f"{'; '.join(attempts)} ({result.ledger.seconds:.2f} s, {dollars(result.cost_usd)})"


# Collected by pytest.


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorControl]:
    with simulator_process() as control:
        yield control


@pytest.fixture(autouse=True)
def on_the_simulator(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever keys and mapping the environment holds; nothing is left over from the test before."""
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)
    shared_router.cache_clear()
    yield
    simulator.reset()
    shared_router.cache_clear()


@pytest.mark.parametrize("model", MODELS)
def test_each_model_answers_itself(model: str) -> None:
    assistant_answers(model)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_answers(strategy: str) -> None:
    strategy_answers(strategy)


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_chain_answers_while_others_are_down(outage: str, simulator: SimulatorControl) -> None:
    outage_is_survived(outage, simulator)


def test_an_unreachable_model_is_passed_over() -> None:
    unreachable_model_falls_over("anthropic-claude-haiku")


def test_a_stream_arrives_whole() -> None:
    stream_arrives("openai-gpt4o")


def test_an_unknown_model_lists_the_known_ones() -> None:
    unknown_model_is_told()


def test_everything_down_is_a_clear_error_in_time(simulator: SimulatorControl) -> None:
    everything_down_is_told(simulator)


# For a person to read.


def main() -> int:
    """Exit code: 0 if everything answered as it should, else 1."""
    try:
        router = build_router()
    except ConfigurationError as error:
        print(error)
        return 1
    unusable = asyncio.run(keyless(router))
    usable = [m for m in router.config.chains if any(d.id not in unusable for d in router.config.group(m))]
    control = None
    with ExitStack() as stack:
        if not usable:
            print("No provider has a key: a simulator answers in their place, for the shipped models.\n")
            control = stack.enter_context(simulator_process())
            os.environ["ROUTER_SIMULATOR_URL"] = control.url
            os.environ.pop("ROUTER_CONFIG", None)
            usable, unusable = MODELS, {}
        print_configuration(unusable)
        print("In action")
        passed = [run(name, check) for name, check in checks(usable, control)]
    print(f"\n{sum(passed)} of {len(passed)} checks passed.")
    return 0 if all(passed) else 1


def print_configuration(unusable: dict[str, str]) -> None:
    config = shared_router().config
    print("Models")
    for deployment in config.deployments:
        where = f" in {deployment.region}" if deployment.region else ""
        print(f"  {deployment.id:28}{deployment.label}{where}")
        if deployment.id in unusable:
            print(f"  {'':28}not asked: {unusable[deployment.id]}")
    print("Chains")
    for name, chain in config.chains.items():
        print(f"  {name:28}{' -> '.join(chain)}")
    print()


def checks(usable: list[str], control: SimulatorControl | None) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is tried, each with its name; outages only where they can be made."""
    for model in usable:
        yield model, partial(assistant_answers, model)
    yield "a stream", partial(stream_arrives, usable[0])
    yield "an unreachable model", partial(unreachable_model_falls_over, usable[0])
    yield "an unknown model", unknown_model_is_told
    if control is not None:
        for strategy in STRATEGIES:
            yield strategy, partial(strategy_answers, strategy)
        for outage in OUTAGES:
            yield outage, partial(outage_is_survived, outage, control)
        yield "everything is down", partial(everything_down_is_told, control)


def run(name: str, check: Callable[[], str]) -> bool:
    shared_router.cache_clear()
    try:
        outcome = check()
    except (AssertionError, RouterError) as error:
        print(f"  FAILED  {name}: {error}")
        return False
    print(f"  ok      {name}: {outcome}")
    return True


if __name__ == "__main__":
    sys.exit(main())
