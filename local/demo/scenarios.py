"""What goes wrong in the demo, and how it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openai import OpenAI

from local.demo.questions import Outcome, ask, ask_streaming
from local.simulator import Fault

CAPITAL = "What is the capital of France?"
COUNT = "Count to 200"
COUNTED = ", ".join(str(number) for number in range(1, 201)) + "."
DEADLINE_MS = 5000

GPT_4O = "openai:gpt-4o"
ANTHROPIC_SONNET = "anthropic:claude-sonnet-4-6"
BEDROCK_SONNET = "us.anthropic.claude-sonnet-4-6"
BEDROCK_LLAMA = "bedrock:us.meta.llama3-3-70b-instruct-v1:0"

DOWN = Fault(kind="status", status=503)
OVERLOADED = Fault(kind="status", status=529)
UNREACHABLE = Fault(kind="reset")
SILENT = Fault(kind="silence")
CUT = Fault(kind="cut", after_chunks=50)


@dataclass(frozen=True)
class Scenario:
    """One thing that goes wrong, one question, and the check of what came of it."""

    title: str
    faults: tuple[tuple[Fault, dict[str, Any]], ...]
    """Each with what it acts on: `provider`, `model`, `region`."""
    question: Callable[[OpenAI], Outcome]
    wrong: Callable[[Outcome], str]
    """Why the outcome is not as it should be; empty where it is."""


def _answered_by(*responders: str, region: str | None = None, text: str = "Paris") -> Callable[[Outcome], str]:
    def wrong(outcome: Outcome) -> str:
        if outcome.error:
            return f"nobody answered: {outcome.error}"
        if outcome.responders != responders:
            return f"{' and '.join(responders)} should have answered, not {outcome.answered_by}"
        if region is not None and outcome.attempts[-1]["region"] != region:
            return f"{region} should have answered, not {outcome.attempts[-1]['region']}"
        return "" if text in outcome.text else f"the answer is not whole: {outcome.text[-80:]!r}"

    return wrong


def _clear_error(outcome: Outcome) -> str:
    if not outcome.error:
        return f"{outcome.answered_by} answered, though everything was down"
    if outcome.seconds * 1000 > DEADLINE_MS:
        return f"the error took {outcome.seconds:.1f} s, longer than the caller wanted to wait"
    asked = {attempt["deployment"] for attempt in outcome.attempts}
    silent = [deployment for deployment in asked if deployment not in outcome.error]
    if len(asked) < 5 or silent:
        return f"the error does not account for the whole chain: {outcome.error}"
    return ""


def _capital(model: str) -> Callable[[OpenAI], Outcome]:
    return lambda client: ask(client, model, CAPITAL)


SCENARIOS = (
    Scenario("A normal answer", (), _capital("openai-gpt4o"), _answered_by(GPT_4O)),
    Scenario(
        "OpenAI is down",
        ((DOWN, {"provider": "openai"}),),
        _capital("openai-gpt4o"),
        _answered_by(ANTHROPIC_SONNET),
    ),
    Scenario(
        "OpenAI and Anthropic are down",
        ((UNREACHABLE, {"provider": "openai"}), (OVERLOADED, {"provider": "anthropic"})),
        _capital("openai-gpt4o"),
        _answered_by(f"bedrock:{BEDROCK_SONNET}", region="us-east-1"),
    ),
    Scenario(
        "Bedrock us-east-1 is down",
        ((DOWN, {"provider": "bedrock", "region": "us-east-1"}),),
        _capital("multi-region-bedrock"),
        _answered_by(f"bedrock:{BEDROCK_SONNET}", region="us-west-2"),
    ),
    Scenario(
        "Bedrock Claude is down everywhere",
        ((DOWN, {"provider": "bedrock", "model": BEDROCK_SONNET}),),
        _capital("multi-region-bedrock"),
        _answered_by(BEDROCK_LLAMA, region="us-west-2"),
    ),
    Scenario(
        "A stream is cut in the middle",
        ((CUT, {"provider": "openai"}),),
        lambda client: ask_streaming(client, "openai-gpt4o", COUNT),
        _answered_by(GPT_4O, ANTHROPIC_SONNET, text=COUNTED),
    ),
    Scenario(
        f"Everything is down, OpenAI silent; the caller waits {DEADLINE_MS // 1000} s at most",
        ((SILENT, {"provider": "openai"}), (OVERLOADED, {"provider": "anthropic"}), (DOWN, {"provider": "bedrock"})),
        lambda client: ask(client, "openai-gpt4o", CAPITAL, timeout_ms=DEADLINE_MS),
        _clear_error,
    ),
)
