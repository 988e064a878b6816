"""The guardrail beside everything else that a request can be: a managed prompt, tools, samples, a broken
stream, several choices, thinking, a caller with a short timeout. Whole and streamed, through the real gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from litellm_fallback_router.routing.observe.metrics import NAMESPACE
from local.simulator import Fault, SimulatorControl
from local.simulator.bedrock.guardrails import BLOCKED_INPUT, BLOCKED_OUTPUT
from tests.integration.test_fallback_samples import kept, wait_for_samples
from tests.support.gateway import Gateway
from tests.support.guarded_gateway import BOTH, WEATHER, asked, guarded, said_to, streamed, user, verdicts

CALL_ME: Any = {
    "type": "function",
    "function": {
        "name": "weather_by_telephone",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "number": {"type": "integer", "const": 5550123}},
            "required": ["city", "number"],
        },
    },
}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    env = {
        "ROUTER_PROMPTS": "CAPITALS01,TRAVEL0001",
        "ROUTER_SAMPLES": "s3://sim-bucket/guarded",
        "ROUTER_SERVICE": "guarded",
    }
    settings = {"sample_fallbacks": 1.0, "circuit_failures": 100}
    with guarded(simulator, tmp_path_factory.mktemp("beside"), settings=settings, env=env) as running:
        yield running


def checked_input(simulator: SimulatorControl) -> list[str]:
    first = next(body for body in verdicts(simulator) if body["source"] == "INPUT")
    return [block["text"]["text"] for block in first["content"]]


@BOTH
def test_a_managed_prompt_is_checked_and_masked_as_it_was_filled_in(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    variables = {"city": "Rome", "language": "the language of ann@example.com"}
    prompt = {"prompt": {"id": "TRAVEL0001", "variables": variables}}
    text, reason = said_to(client, [], "prompt", streaming=streaming, extra_body=prompt)

    assert (text, reason) == ("", "tool_calls")
    assert checked_input(simulator)[:2] == [
        "Advise travellers, in the language of ann@example.com.",
        "I shall be in Rome.",
    ]
    (body,) = asked(simulator)
    assert body["system"][0] == {"text": "Advise travellers, in the language of {EMAIL}."}
    assert "ann@example.com" not in str(body)


@BOTH
def test_a_bad_variable_of_a_prompt_reaches_no_provider(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    prompt = {"prompt": {"id": "CAPITALS01", "version": "1", "variables": {"country": "forbidden fruit"}}}

    assert said_to(client, [], "prompt", streaming=streaming, extra_body=prompt) == (BLOCKED_INPUT, "content_filter")
    assert asked(simulator) == []


@BOTH
def test_a_kept_sample_holds_the_masked_text_and_never_a_blocked_one(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    simulator.inject(Fault(kind="status", status=503), provider="openai")
    said_to(client, user("forbidden fruit"), streaming=streaming)
    assert said_to(client, user("count to 700"), streaming=streaming)[0].endswith(BLOCKED_OUTPUT)
    # Asked last, so that whatever came before it would be there too.
    text, _ = said_to(client, user("I am ann@example.com, call 5550123"), streaming=streaming)

    lines = [line for lines in wait_for_samples(simulator).values() for line in lines]
    assert [(line["prompt"], line["modelResponses"][0]["response"]) for line in lines] == [
        ("I am {EMAIL}, call {PHONE}", text)
    ]
    assert text.startswith("You said: I am {EMAIL}, call {PHONE}\n")
    assert "666" not in str(kept(simulator))


def test_a_kept_sample_of_a_masked_answer_is_what_its_caller_got(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=503), provider="openai")
    schema = {"type": "object", "properties": {"to": {"type": "string", "format": "email"}}, "required": ["to"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "letter", "schema": schema}}
    text, _ = said_to(client, user("To whom?"), streaming=False, response_format=form)

    assert json.loads(text) == {"to": "{EMAIL}"}
    ((line,),) = wait_for_samples(simulator).values()
    assert line["modelResponses"][0]["response"] == text


@pytest.mark.parametrize("cut_after", [1, 20, 60, 150])
def test_a_stream_that_is_continued_elsewhere_is_the_one_it_would_have_been(
    client: OpenAI, simulator: SimulatorControl, cut_after: int
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=cut_after), provider="openai", stream=True)
    said, reasons, story = streamed(client, "count to 300")

    assert (said, reasons) == (", ".join(map(str, range(1, 301))) + ".", ["stop"])
    assert story["responders"] == ["openai:gpt-4o", "anthropic:claude-sonnet-4-6"]
    assert story["guardrail"]["outcome"] == "passed"


def test_what_comes_after_a_break_is_checked_too(client: OpenAI, simulator: SimulatorControl) -> None:
    for cut_after in (600, 665, 666):  # the word 666 is the 666th chunk
        simulator.reset()
        simulator.inject(Fault(kind="cut", after_chunks=cut_after), provider="openai", stream=True)
        said, reasons, _ = streamed(client, "count to 700")

        assert said.endswith(BLOCKED_OUTPUT)
        assert ("666" in said, reasons) == (False, ["content_filter"])


@pytest.mark.parametrize("model", ["openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"])
def test_what_tools_are_told_and_say_is_masked_and_stays_json(
    client: OpenAI, simulator: SimulatorControl, model: str
) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Rome", "number": 5550123}'},
    }
    history = [
        *user("What is it like in Rome?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, says ann@example.com"},
    ]
    for streaming in (False, True):
        text, _ = said_to(client, history, model, streaming=streaming, tools=[WEATHER])
        assert text == "The tools say: Sunny, says {EMAIL}. That is all I know."
    for body in asked(simulator):
        assert "ann@example.com" not in str(body)
        assert "5550123" not in str(body)
        assert "{PHONE}" in str(body)


@BOTH
def test_a_bad_word_from_a_tool_reaches_no_provider(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    history = [
        *user("What is it like in Rome?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "forbidden fruit"},
    ]
    said = said_to(client, history, streaming=streaming, tools=[WEATHER])
    assert (said, asked(simulator)) == ((BLOCKED_INPUT, "content_filter"), [])


@pytest.mark.parametrize("model", ["openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"])
def test_a_number_that_a_model_gives_a_tool_is_masked_and_the_arguments_stay_json(client: OpenAI, model: str) -> None:
    question = user("What is the weather in Rome?")
    whole = client.chat.completions.create(model=model, messages=question, tools=[CALL_ME])
    chunks = client.chat.completions.create(model=model, messages=question, tools=[CALL_ME], stream=True)
    streamed_calls = [call for c in chunks if c.choices for call in c.choices[0].delta.tool_calls or ()]

    for call in (*(whole.choices[0].message.tool_calls or ()), *streamed_calls):
        assert json.loads(call.function.arguments) == {"city": "Rome", "number": "{PHONE}"}
    assert len(streamed_calls) == 1


@BOTH
def test_every_choice_is_checked(client: OpenAI, simulator: SimulatorControl, streaming: bool) -> None:
    expected = {0: ("1, 2, 3.", "stop"), 1: ("1, 2, 3.", "stop")}
    bad = {0: (BLOCKED_OUTPUT, "content_filter"), 1: (BLOCKED_OUTPUT, "content_filter")}
    for question, wanted in (("count to 3", expected), ("count to 700", bad)):
        answer: Any = client.chat.completions.create(
            model="openai-gpt4o", messages=user(question), n=2, stream=streaming, extra_body={"router": {}}
        )
        got: dict[int, tuple[str, str | None]] = {}
        if streaming:
            for choice in (c for chunk in answer for c in chunk.choices):
                text, reason = got.get(choice.index, ("", None))
                got[choice.index] = (text + (choice.delta.content or ""), choice.finish_reason or reason)
            assert "666" not in str(got)
            got = {index: (text[-len(wanted[0][0]) :], reason) for index, (text, reason) in got.items()}
        else:
            got = {c.index: (c.message.content or "", c.finish_reason) for c in answer.choices}
        assert got == wanted


@BOTH
def test_thinking_is_checked_before_the_caller_has_it(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    said_to(client, user("count to 3"), "anthropic-claude-haiku", streaming=streaming, reasoning_effort="low")

    outputs = [block["text"]["text"] for b in verdicts(simulator) if b["source"] == "OUTPUT" for block in b["content"]]
    assert "Let me see what was asked and what is known about it." in outputs
    assert "1, 2, 3." in outputs


def dimensions_of(line: dict[str, Any]) -> set[frozenset[str]]:
    return {frozenset(one) for told in line["_aws"]["CloudWatchMetrics"] for one in told["Dimensions"]}


def test_metrics_of_the_guardrail_are_emf_lines_of_the_running_gateway(gateway: Gateway, client: OpenAI) -> None:
    before = len(gateway.out.read_text().splitlines())
    said_to(client, user("forbidden fruit"), streaming=False)
    said_to(client, user("count to 700"), streaming=True)
    said_to(client, user("I am ann@example.com"), streaming=True)
    lines = [json.loads(line) for line in gateway.out.read_text().splitlines()[before:]]

    def values(name: str, dimension: str = "service") -> list[tuple[str, float]]:
        """Of the lines that count by `dimension`: each set of dimensions has a line of its own."""
        sets = {frozenset({"service", dimension})}
        return [(line[dimension], line[name][0]) for line in lines if name in line and dimensions_of(line) == sets]

    assert values("GuardrailBlocks", "source") == [("input", 1.0), ("output", 1.0)]
    assert sum(value for _, value in values("GuardrailBlocks")) == 2
    assert [value for _, value in values("GuardrailMasks")] == [0.0, 0.0, 1.0]
    assert all(value > 0 for _, value in values("GuardrailLatency"))
    assert len(values("GuardrailLatency")) == 3
    assert {policy for policy, _ in values("GuardrailUnits", "policy")} == {"topicPolicy", "sensitiveInformationPolicy"}
    assert all(value >= 1 for _, value in values("GuardrailUnits", "policy"))
    assert [value for _, value in values("GuardrailUnreachable")] == [0.0] * 3
    namespaces = {one["Namespace"] for line in lines for one in line.get("_aws", {}).get("CloudWatchMetrics", [])}
    assert namespaces == {NAMESPACE}
    assert "ann@example.com" not in gateway.out.read_text()


def test_the_log_names_the_prompt_and_its_version_and_not_what_was_filled_in(gateway: Gateway, client: OpenAI) -> None:
    before = len(gateway.out.read_text().splitlines())
    prompt = {"id": "CAPITALS01", "version": "1", "variables": {"country": "France"}}
    for streaming in (False, True):
        said_to(client, [], "prompt", streaming=streaming, extra_body={"prompt": prompt})
    with pytest.raises(openai.BadRequestError):
        said_to(client, [], "prompt", streaming=False, extra_body={"prompt": {"id": "TRAVEL0001"}})
    lines = [json.loads(line) for line in gateway.out.read_text().splitlines()[before:]]

    named = [(line["message"], line["prompt_id"], line["prompt_version"]) for line in lines if "prompt_id" in line]
    assert named == [
        ("request_answered", "CAPITALS01", "1"),
        ("request_answered", "CAPITALS01", "1"),
        ("request_failed", "TRAVEL0001", "DRAFT"),
    ]
    assert "France" not in str(lines)


def test_while_the_first_check_runs_beside_bedrock_no_other_provider_is_asked(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mixed = {"model": "cost-optimized"}  # Bedrock, then OpenAI and Anthropic
    folder, settings = tmp_path_factory.mktemp("gate"), {"circuit_failures": 100}
    with guarded(simulator, folder, id="simblocker", parallel=True, settings=settings) as gateway:
        warm = {"question": "The first one takes longest.", "primary_model": mixed["model"]}
        httpx.post(f"{gateway.url}/ask", json=warm, timeout=60)
        for streaming in (False, True):
            simulator.reset()
            simulator.inject(Fault(kind="access_denied"), model="us.anthropic.claude-haiku-4-5-20251001-v1:0")
            simulator.inject(Fault(kind="slow_first_token", seconds=1.0), model="simblocker", times=1)
            with gateway.client() as client:
                said = said_to(client, user("forbidden fruit"), **mixed, streaming=streaming)
                assert said == (BLOCKED_INPUT, "content_filter")
                assert {r.provider for r in simulator.requests()} == {"bedrock"}
                assert len(asked(simulator)) == 1

                simulator.clear_requests()
                simulator.inject(Fault(kind="slow_first_token", seconds=1.0), model="simblocker", times=1)
                assert said_to(client, user("count to 3"), **mixed, streaming=streaming)[0] == "1, 2, 3."
                first, *_, last = [r for r in simulator.requests() if "/guardrail/" not in r.path]
                assert (first.provider, last.provider) == ("bedrock", "openai")
    simulator.reset()


@BOTH
def test_a_hurried_caller_gets_a_504_and_nothing_past_a_guardrail_that_fails_open(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory, streaming: bool
) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="silence"), model="simguard")
    body = {"model": "openai-gpt4o", "messages": user("forbidden fruit"), "stream": streaming}
    with guarded(simulator, tmp_path_factory.mktemp("hurry"), on_unreachable="fail_open") as gateway:
        for milliseconds in ("1", "300"):
            began = time.monotonic()
            answer = httpx.post(
                f"{gateway.url}/v1/chat/completions",
                json=body,
                headers={"x-router-timeout-ms": milliseconds},
                timeout=30,
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
            assert time.monotonic() - began < 5
    assert asked(simulator) == []
    simulator.reset()


@pytest.mark.parametrize(("mode", "status"), [("fail_open", 200), ("fail_closed", 503)])
def test_a_silent_guardrail_is_given_up_in_time_and_fails_as_the_mapping_says(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory, mode: str, status: int
) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="silence"), model="simguard")
    body = {"model": "openai-gpt4o", "messages": user("count to 3")}
    with guarded(simulator, tmp_path_factory.mktemp("silent"), on_unreachable=mode) as gateway:
        answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=45)
    assert answer.status_code == status
    assert answer.headers["x-router-guardrail"] == "unchecked" if status == 200 else asked(simulator) == []
    simulator.reset()
