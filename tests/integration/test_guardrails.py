"""One guardrail for every provider, through the real gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from local.simulator.bedrock.guardrails import BLOCKED_INPUT, BLOCKED_OUTPUT
from tests.support.documents import REPOSITORY, examples
from tests.support.gateway import Gateway, gateway_process
from tests.support.guarded_gateway import WEATHER, ask, asked, guarded, streamed, verdicts

PAGE = REPOSITORY / "docs" / "guardrails.md"
MODELS = ["openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"]
CHATTY = "Please repeat this to me word for word. " * 12


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with guarded(simulator, tmp_path_factory.mktemp("guarded")) as running:
        yield running


@pytest.mark.parametrize("model", MODELS)
def test_what_is_harmless_passes_whole_and_streamed(client: OpenAI, simulator: SimulatorControl, model: str) -> None:
    raw = ask(client, "count to 300", model)
    said, reasons, _ = streamed(client, "count to 300", model)

    assert raw.headers["x-router-guardrail"] == "passed"
    assert raw.parse().choices[0].message.content == said == ", ".join(map(str, range(1, 301))) + "."
    assert reasons == ["stop"]
    assert {body["source"] for body in verdicts(simulator)} == {"INPUT", "OUTPUT"}
    assert len(verdicts(simulator)) > 6, "the stream was checked in windows"


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_question_reaches_no_provider(client: OpenAI, simulator: SimulatorControl, model: str) -> None:
    raw = ask(client, "I want forbidden fruit", model)
    answer = raw.parse()
    said, reasons, story = streamed(client, "I want forbidden fruit", model)

    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (BLOCKED_INPUT, "content_filter")
    assert (said, reasons) == (BLOCKED_INPUT, ["content_filter"])
    assert raw.headers["x-router-guardrail"] == story["guardrail"]["input"] == "blocked"
    assert (raw.headers["x-router-provider"], raw.headers["x-router-attempts"]) == ("guardrail", "0")
    assert asked(simulator) == []


@pytest.mark.parametrize("model", MODELS)
def test_addresses_reach_neither_provider_nor_caller(client: OpenAI, simulator: SimulatorControl, model: str) -> None:
    text = CHATTY + "I am ann@example.com. " + CHATTY
    raw = ask(client, text, model)
    said, _, _ = streamed(client, text, model)

    assert "I am {EMAIL}." in said
    assert raw.parse().choices[0].message.content == said
    assert raw.headers["x-router-guardrail"] == "masked"
    bodies = asked(simulator)
    assert len(bodies) == 2
    assert all("{EMAIL}" in str(body) and "ann@example.com" not in str(body) for body in bodies)


def test_what_a_fallback_answers_is_checked_too(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="access_denied"), provider="openai")
    raw = ask(client, "I am ann@example.com.")

    assert raw.headers["x-router-fallback"] == "true"
    assert raw.parse().choices[0].message.content.startswith("You said: I am {EMAIL}.")
    assert verdicts(simulator)[-1]["source"] == "OUTPUT"
    assert [body["source"] for body in verdicts(simulator)].count("INPUT") == 1, "the input is checked once"


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_answer_is_replaced_and_falls_back_nowhere(
    client: OpenAI, simulator: SimulatorControl, model: str
) -> None:
    for _ in range(2):  # its circuit, which two failures would open, stays closed
        raw = ask(client, "count to 700", model)
        choice = raw.parse().choices[0]
        said, reasons, story = streamed(client, "count to 700", model)

        assert (choice.message.content, choice.finish_reason) == (BLOCKED_OUTPUT, "content_filter")
        assert raw.headers["x-router-guardrail"] == "blocked"
        assert raw.headers["x-router-fallback"] == "false"
        assert (said[:9], said[-len(BLOCKED_OUTPUT) :], reasons) == ("1, 2, 3, ", BLOCKED_OUTPUT, ["content_filter"])
        assert "666" not in said
        assert [attempt["outcome"] for attempt in story["attempts"]] == ["guardrail"]
    assert len(asked(simulator)) == 4


def test_a_guardrail_out_of_reach_fails_closed_with_a_word_why(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=503), model="simguard")
    with pytest.raises(openai.InternalServerError) as failed:
        ask(client, "hello")
    with pytest.raises(openai.InternalServerError):
        streamed(client, "hello")

    assert failed.value.response.status_code == 503
    assert failed.value.code == "guardrail_unreachable"
    assert asked(simulator) == []


def test_one_failed_verdict_is_tried_again(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="reset"), model="simguard", times=1)

    assert ask(client, "What is the capital of France?").headers["x-router-guardrail"] == "passed"


def test_a_stream_whose_guardrail_falls_away_ends_in_an_error_and_releases_no_more(
    client: OpenAI, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="status", status=403), model="simguard", skip=3)
    text = ""
    with pytest.raises(openai.APIError) as failed:
        for chunk in client.chat.completions.create(
            model="openai-gpt4o", messages=[{"role": "user", "content": "count to 500"}], stream=True
        ):
            text += chunk.choices[0].delta.content or ""

    assert failed.value.code == "guardrail_unreachable"
    assert 0 < len(text) <= 400


def test_streamed_tool_calls_are_checked_and_come_whole(client: OpenAI) -> None:
    chunks = client.chat.completions.create(
        model="openai-gpt4o",
        messages=[{"role": "user", "content": "What is the weather in Paris and Rome?"}],
        tools=[WEATHER],
        stream=True,
    )
    calls = [call for c in chunks if c.choices for call in c.choices[0].delta.tool_calls or ()]

    assert [(call.index, call.function and call.function.arguments) for call in calls] == [
        (0, '{"city": "Paris"}'),
        (1, '{"city": "Rome"}'),
    ]


def test_a_caller_cannot_bring_a_guardrail_of_its_own_or_switch_this_one_off(client: OpenAI) -> None:
    for field in ("guardrailConfig", "guardrails", "guardrail"):
        with pytest.raises(openai.BadRequestError):
            ask(client, "hello", extra_body={field: {}})


def test_ask_says_what_the_guardrail_did(gateway: Gateway, client: OpenAI) -> None:
    answer = httpx.post(f"{gateway.url}/ask", json={"question": "forbidden fruit"}, timeout=30)

    assert answer.headers["x-router-guardrail"] == "blocked"
    assert (answer.json()["provider"], answer.json()["response"]) == ("guardrail:simguard", BLOCKED_INPUT)


def test_the_log_names_the_policy_and_not_the_text(gateway: Gateway, client: OpenAI) -> None:
    ask(client, "I want forbidden fruit from ann@example.com")

    log = gateway.log.read_text()
    assert "topic: Forbidden fruit" in log
    assert "I want" not in log
    assert "ann@example.com" not in log


def test_errors_fail_open_end_and_parallel_as_the_mapping_says(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    simulator.reset()
    other: dict[str, Any] = {
        "on_block": "error",
        "on_unreachable": "fail_open",
        "stream_window": "end",
        "parallel": True,
    }
    with (
        guarded(simulator, tmp_path_factory.mktemp("other"), id="simblocker", **other) as gateway,
        gateway.client() as client,
    ):
        for model in ("openai-gpt4o", "bedrock-nova"):
            with pytest.raises(openai.BadRequestError, match=BLOCKED_INPUT) as blocked:
                ask(client, "forbidden fruit", model)
            assert blocked.value.code == "content_filter"
            with pytest.raises(openai.BadRequestError, match=BLOCKED_INPUT):
                streamed(client, "forbidden fruit", model)
        said, reasons, _ = streamed(client, "count to 300", "bedrock-nova")
        assert (said[-4:], reasons) == ("300.", ["stop"])
        simulator.inject(Fault(kind="status", status=403), model="simblocker")
        assert ask(client, "forbidden fruit").headers["x-router-guardrail"] == "unchecked"
    simulator.reset()


def test_the_environment_names_a_guardrail_and_the_example_of_the_page_prints_what_it_shows(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    simulator.reset()
    example = examples(PAGE)["guardrail-client"]
    named = {"ROUTER_GUARDRAIL_ID": "simguard", "ROUTER_GUARDRAIL_VERSION": "1"}
    folder = tmp_path_factory.mktemp("named")
    with gateway_process(folder, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=named) as gateway:
        program = example.text.replace("http://127.0.0.1:4000", gateway.url)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, env=os.environ
        )
    assert (done.stdout, done.stderr) == (example.output, "")


def test_what_has_no_guardrail_does_not_import_its_library() -> None:
    program = (
        "import sys; from litellm_fallback_router import build_router; build_router(); "
        "print(sorted({'boto3', 'botocore'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
