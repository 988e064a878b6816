"""Managed prompts through the real gateway: on every provider, whole and streamed, and when something is wrong."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.documents import REPOSITORY, examples
from tests.support.gateway import Gateway, gateway_process

PAGE = REPOSITORY / "docs" / "prompts.md"
ALLOWED = "CAPITALS01,TRAVEL0001,OLDMODEL01,NOTTHERE01"
CAPITAL = {"id": "CAPITALS01", "version": "1", "variables": {"country": "France"}}
PARIS = "Paris is the capital of France."


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"circuit_failures": 100}}
    folder = tmp_path_factory.mktemp("prompts")
    with gateway_process(folder, mapping, simulator_url=simulator.url, env={"ROUTER_PROMPTS": ALLOWED}) as running:
        yield running


@pytest.fixture
def fresh(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that has read no prompt yet."""
    simulator.reset()
    folder = tmp_path_factory.mktemp("fresh")
    mapping = {**ROUTER_STYLE_MAPPING, "prompts": {"allow": ["CAPITALS01"], "region": "us-west-2"}}
    with gateway_process(folder, mapping, simulator_url=simulator.url) as running:
        yield running
    simulator.reset()


def ask(client: OpenAI, prompt: Any, model: str = "prompt", messages: Any = (), **more: Any) -> Any:
    return client.chat.completions.create(
        model=model, messages=list(messages), extra_body={"prompt": prompt, **more.pop("extra", {})}, **more
    )


def text_of(stream: Any) -> str:
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


def sent(simulator: SimulatorControl) -> list[Any]:
    """The bodies that the providers got, without the readings of prompts."""
    return [r.body for r in simulator.requests() if "/prompts/" not in r.path]


@pytest.mark.parametrize("model", ["prompt", "openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"])
@pytest.mark.parametrize("streaming", [False, True])
def test_a_prompt_is_answered_on_any_provider(client: OpenAI, model: str, streaming: bool) -> None:
    if streaming:
        assert text_of(ask(client, CAPITAL, model, stream=True)) == PARIS
    else:
        assert ask(client, CAPITAL, model).choices[0].message.content == PARIS


def test_a_model_may_be_left_out_and_the_prompts_own_answers(gateway: Gateway, client: OpenAI) -> None:
    assert client.api_key == "none"
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json={"prompt": CAPITAL}, timeout=30)
    assert answer.json()["model"] == "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert answer.headers["x-router-fallback"] == "false"


def test_a_chat_prompt_brings_its_system_prompt_tools_and_settings(client: OpenAI, simulator: SimulatorControl) -> None:
    travel = {"id": "TRAVEL0001", "variables": {"city": "Rome", "language": "Latin"}}

    answer = ask(client, travel, max_tokens=50)

    (call,) = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Rome"}')
    (body,) = sent(simulator)
    assert body["system"][0] == {"text": "Advise travellers, in Latin."}
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["inferenceConfig"] == {"temperature": 0.25, "maxTokens": 50, "stopSequences": ["END"]}


def test_the_callers_messages_come_after_the_prompts(client: OpenAI, simulator: SimulatorControl) -> None:
    later = [{"role": "assistant", "content": "Paris."}, {"role": "user", "content": "Count to 3"}]
    answer = ask(client, CAPITAL, "openai-gpt4o", later)
    assert answer.choices[0].message.content == "1, 2, 3."
    (body,) = sent(simulator)
    assert [message["content"] for message in body["messages"]] == [
        "What is the capital of France?",
        "Paris.",
        "Count to 3",
    ]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_prompt_falls_over_as_any_request_does(client: OpenAI, simulator: SimulatorControl, streaming: bool) -> None:
    simulator.inject(Fault(kind="status", status=503), provider="openai")
    if streaming:
        *_, last = ask(client, CAPITAL, "openai-gpt4o", stream=True, extra={"router": {"explain": True}})
        assert last.model_extra["router"]["responders"] == ["anthropic:claude-sonnet-4-6"]
    else:
        assert ask(client, CAPITAL, "openai-gpt4o").model == "claude-sonnet-4-6"


def test_ask_takes_a_prompt_before_a_question_or_in_its_place(
    gateway: Gateway, client: OpenAI, simulator: SimulatorControl
) -> None:
    del client
    alone = httpx.post(f"{gateway.url}/ask", json={"prompt": CAPITAL}, timeout=30).json()
    body = {"prompt": CAPITAL, "question": "Count to 3", "system_prompt": "Be brief.", "primary_model": "openai-gpt4o"}
    both = httpx.post(f"{gateway.url}/ask", json=body, timeout=30).json()
    assert (alone["response"], alone["provider"].partition(":")[0]) == (PARIS, "bedrock")
    assert (both["response"].endswith("1, 2, 3."), both["model"]) == (True, "gpt-4o")
    assert [message["content"] for message in sent(simulator)[1]["messages"]] == [
        "Be brief.",
        "What is the capital of France?",
        "Count to 3",
    ]


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ({"id": "CAPITALS01"}, ("prompt.variables.country", "misses 'country'")),
        ({"id": "CAPITALS01", "variables": {"country": "x", "s3cret": "y"}}, ("prompt.variables.s3cret", "has no 's3")),
        ({**CAPITAL, "version": "77"}, ("prompt.version", "has no version '77'")),
        ({**CAPITAL, "version": "newest"}, ("prompt.version", "no version 'newest'")),
        ({"id": "NOTTHERE01"}, ("prompt.id", "no prompt 'NOTTHERE01' in Bedrock")),
        ({"id": "FORBIDDEN1"}, ("prompt.id", "may use: CAPITALS01, TRAVEL0001")),
        ({"variables": {}}, ("prompt.id", "Missing required parameter: 'prompt.id'")),
        ({"id": "CAPITALS01", "variables": {"country": 7}}, ("prompt.variables.country", "expected a string")),
        ({**CAPITAL, "api_base": "x"}, ("prompt.api_base", "operator's to set")),
        ("CAPITALS01", ("prompt", "expected an object")),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_wrong_with_a_prompt_is_a_400_that_names_it(
    client: OpenAI, simulator: SimulatorControl, prompt: Any, named: tuple[str, str], streaming: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, prompt, stream=streaming)
    assert refused.value.param == named[0]
    assert named[1] in refused.value.message
    assert sent(simulator) == []


def test_a_prompt_whose_model_is_not_in_the_mapping_wants_the_caller_to_name_one(
    client: OpenAI, simulator: SimulatorControl
) -> None:
    capital = next(one for one in simulator.settings()["prompts"] if one["id"] == "CAPITALS01")
    variant = {**capital["variants"][0], "modelId": "anthropic.claude-3-haiku-20240307-v1:0"}
    simulator.settings(prompts=[{**capital, "id": "OLDMODEL01", "variants": [variant]}])
    old = {**CAPITAL, "id": "OLDMODEL01"}
    with pytest.raises(openai.BadRequestError, match=r"claude-3-haiku-20240307.*name a model yourself") as refused:
        ask(client, old)
    assert refused.value.param == "model"
    assert ask(client, old, "bedrock-nova").choices[0].message.content == PARIS


def test_a_request_needs_a_model_and_messages_or_a_prompt(gateway: Gateway) -> None:
    bodies: list[tuple[str, dict[str, Any], str]] = [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, "model"),
        ("/v1/chat/completions", {"model": "openai-gpt4o"}, "messages"),
        ("/v1/chat/completions", {"model": "openai-gpt4o", "messages": [], "prompt": None}, "messages"),
        ("/ask", {"system_prompt": "Be brief."}, "question"),
    ]
    for path, body, param in bodies:
        answer = httpx.post(gateway.url + path, json=body, timeout=30)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_crowd_reads_a_prompt_once_and_from_its_region(fresh: Gateway, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="slow_first_token", seconds=0.5), model="CAPITALS01")
    with fresh.client() as client, ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: ask(client, CAPITAL, "openai-gpt4o"), range(20)))
    assert {answer.choices[0].message.content for answer in answers} == {PARIS}
    readings = [r for r in simulator.requests() if "/prompts/" in r.path]
    assert [(r.model, r.region) for r in readings] == [("CAPITALS01", "us-west-2")]


def test_while_bedrock_is_away_what_was_read_is_used_and_the_rest_is_a_503(
    fresh: Gateway, simulator: SimulatorControl
) -> None:
    with fresh.client() as client:
        assert ask(client, CAPITAL, "openai-gpt4o").model == "gpt-4o"
        simulator.inject(Fault(kind="access_denied"), model="CAPITALS01")
        assert ask(client, CAPITAL, "openai-gpt4o").model == "gpt-4o"
        with pytest.raises(openai.InternalServerError) as refused:
            ask(client, {"id": "CAPITALS01", "variables": {"country": "France"}}, "openai-gpt4o")
    assert refused.value.status_code == 503
    assert refused.value.response.headers["retry-after"] == "1"
    assert "cannot be read from Bedrock now" in refused.value.message
    log = fresh.log.read_text()
    assert "prompt CAPITALS01 (DRAFT) could not be read: AccessDeniedException: allow the gateway's role" in log
    for private in ("capital of", "France", "Paris"):
        assert private not in log


def test_a_prompt_is_read_within_the_callers_own_time(fresh: Gateway, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"), model="CAPITALS01")
    answer = httpx.post(
        f"{fresh.url}/v1/chat/completions",
        json={"prompt": CAPITAL},
        headers={"x-router-timeout-ms": "500"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")


def test_a_gateway_without_a_list_takes_no_prompts(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    simulator.reset()
    folder = tmp_path_factory.mktemp("off")
    with (
        gateway_process(folder, ROUTER_STYLE_MAPPING, simulator_url=simulator.url) as off,
        off.client() as client,
        pytest.raises(openai.BadRequestError, match="no managed prompts"),
    ):
        ask(client, CAPITAL)
    assert simulator.requests() == []


def run(program: str, simulator: SimulatorControl) -> tuple[str, str]:
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url, "ROUTER_PROMPTS": ALLOWED}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", ["prompt-client", "prompt-library"])
def test_python_example_of_the_page_prints_what_it_shows(
    name: str, gateway: Gateway, simulator: SimulatorControl
) -> None:
    simulator.reset()
    example = examples(PAGE)[name]
    assert run(example.text.replace("http://127.0.0.1:4000", gateway.url), simulator) == (example.output, "")


def test_curl_example_of_the_page_gets_what_it_shows(gateway: Gateway) -> None:
    example = examples(PAGE)["prompt-ask"]
    words = shlex.split(example.text.replace("\\\n", " "))
    url, body = words[1].replace("http://127.0.0.1:4000", gateway.url), words[words.index("-d") + 1]
    answer = httpx.post(url, content=body, headers={"content-type": "application/json"}, timeout=30)
    assert example.output is not None
    assert answer.json() == json.loads(example.output)


def test_what_has_no_prompts_does_not_import_their_library(simulator: SimulatorControl) -> None:
    program = (
        "import os, sys; os.environ.pop('ROUTER_PROMPTS'); from litellm_fallback_router import build_router; "
        "build_router(); print(sorted({'boto3', 'botocore'} & sys.modules.keys()))"
    )
    assert run(program, simulator) == ("[]\n", "")
