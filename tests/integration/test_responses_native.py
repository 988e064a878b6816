"""Requests for responses that reach OpenAI's own API as they came, what only it can do, and what goes on elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
QUESTION = "What is the capital of France?"
PARIS = "Paris is the capital of France."
SEARCH: Any = {"type": "web_search"}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
ENCRYPTED: Any = {"include": ["reasoning.encrypted_content"], "store": False, "reasoning": {"effort": "low"}}


def mapping() -> dict[str, Any]:
    def entry(name: str, provider: str, **params: Any) -> dict[str, Any]:
        return {"model_name": name, "litellm_provider": provider, "params": params}

    return {
        "model_list": [
            entry("thinker", "openai", model="gpt-5.4"),
            entry("other", "openai", model="gpt-5.4-mini"),
            entry("plain", "openai", model="gpt-4o"),
            entry("claude", "anthropic", model="claude-sonnet-4-6"),
        ],
        "fallbacks": {"thinker": ["claude", "other"], "plain": ["claude"]},
        "settings": {"circuit_failures": 100},
    }


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_process(tmp_path_factory.mktemp("native"), mapping(), simulator_url=simulator.url) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway, simulator: SimulatorControl) -> Iterator[OpenAI]:
    simulator.reset()
    with gateway.client() as made:
        yield made


def sent(simulator: SimulatorControl, model: str) -> Any:
    return [record.body for record in simulator.requests() if record.model == model][-1]


def adjusted(answer: Any) -> list[list[str]]:
    return [attempt["adjusted"] for attempt in answer.model_extra["router"]["attempts"]]


def checked(client: OpenAI, **body: Any) -> list[Any]:
    events = list(client.responses.create(stream=True, **body))
    for event in events:
        EVENT.validate_python(json.loads(event.to_json()), strict=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


def test_a_body_reaches_openai_as_it_came(client: OpenAI, simulator: SimulatorControl) -> None:
    body: dict[str, Any] = {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        "instructions": "Be brief.",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "truncation": "auto",
        "metadata": {"team": "blue"},
        "prompt_cache_key": "k",
        "store": False,
    }
    answer = client.responses.create(model="thinker", **body)
    assert sent(simulator, "gpt-5.4") == {"model": "gpt-5.4", **body}
    assert answer.output_text == PARIS
    assert not answer.id.startswith("resp_gw_")


def test_its_events_pass_on_as_they_came(client: OpenAI, simulator: SimulatorControl) -> None:
    events = checked(client, model="thinker", input=QUESTION, reasoning={"effort": "low", "summary": "auto"})
    assert "response.reasoning_summary_text.delta" in [event.type for event in events]
    assert events[0].response.id == events[-1].response.id
    assert not events[0].response.id.startswith("resp_gw_")
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == PARIS


def test_a_fallback_is_told_in_the_last_event(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=500), model="gpt-5.4")
    simulator.inject(Fault(kind="status", status=529), model="claude-sonnet-4-6")
    final = checked(client, model="thinker", input=QUESTION)[-1].response
    assert final.model_extra["router"]["provider"] == "openai:gpt-5.4-mini"


@pytest.mark.parametrize("stream", [False, True])
def test_what_only_openai_can_do_is_asked_of_openai_alone(
    *, client: OpenAI, simulator: SimulatorControl, stream: bool
) -> None:
    simulator.inject(Fault(kind="status", status=500), model="gpt-5.4")
    asked: dict[str, Any] = {"model": "thinker", "input": "Search the web: who won?", "tools": [SEARCH]}
    if stream:
        answer = checked(client, **asked)[-1].response
    else:
        answer = client.responses.create(**asked, extra_body={"router": {"explain": True}})
    told = answer.model_extra["router"]
    assert told["provider"] == "openai:gpt-5.4-mini"
    (dropped,) = told["dropped"]
    assert (dropped["deployment"], dropped["code"]) == ("claude", "native")
    assert "'tools[0]' (a tool of type 'web_search')" in dropped["reason"]


def test_what_nobody_in_the_chain_can_do_is_refused_by_name(client: OpenAI, simulator: SimulatorControl) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="claude", input=QUESTION, tools=[SEARCH])
    assert caught.value.param == "tools[0]"
    assert simulator.requests() == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_response_is_gone_on_from_at_openai(
    *, client: OpenAI, simulator: SimulatorControl, stream: bool
) -> None:
    first = client.responses.create(model="thinker", input=QUESTION)
    assert client.responses.create(model="thinker", input="And of Spain?", previous_response_id=first.id).output_text
    assert sent(simulator, "gpt-5.4")["previous_response_id"] == first.id
    reference: Any = {"type": "item_reference", "id": first.output[-1].id}
    again: list[Any] = [{"role": "user", "content": QUESTION}, reference, {"role": "user", "content": "Why?"}]
    assert client.responses.create(model="thinker", input=again).output_text


def loop(client: OpenAI, model: str, **more: Any) -> list[Any]:
    """A conversation up to the result of a call."""
    history: list[Any] = [{"role": "user", "content": "What is the weather in Ulm?"}]
    answer = client.responses.create(model=model, input=history, tools=[WEATHER], **more)
    call = answer.output[-1]
    assert call.type == "function_call"
    history += [item.to_dict() for item in answer.output]
    return [*history, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]


def test_encrypted_reasoning_goes_back_to_who_made_it(client: OpenAI, simulator: SimulatorControl) -> None:
    history = loop(client, "thinker", **ENCRYPTED)
    (thought,) = [item for item in history if item.get("type") == "reasoning"]
    assert thought["encrypted_content"].startswith("gw1.")
    answer = client.responses.create(
        model="thinker", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    assert adjusted(answer) == [[]]
    (back,) = [item for item in sent(simulator, "gpt-5.4")["input"] if item.get("type") == "reasoning"]
    assert back["encrypted_content"].startswith("gAAAA")


@pytest.mark.parametrize(("model", "line"), [("other", "input[1] dropped"), ("claude", "input[1].encrypted_content")])
def test_encrypted_reasoning_of_others_is_left_out_and_said(
    client: OpenAI, simulator: SimulatorControl, model: str, line: str
) -> None:
    history = loop(client, "thinker", **ENCRYPTED)
    simulator.clear_requests()
    answer = client.responses.create(
        model=model, input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    (lines,) = adjusted(answer)
    assert any(one.startswith(line) for one in lines), lines
    (record,) = simulator.requests()
    assert "gAAAA" not in json.dumps(record.body)


def test_thoughts_of_claude_never_reach_openai(client: OpenAI, simulator: SimulatorControl) -> None:
    history = loop(client, "claude", **ENCRYPTED)
    assert any(item.get("encrypted_content") for item in history)
    answer = client.responses.create(
        model="thinker", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    assert any("not this model's reasoning" in line for line in adjusted(answer)[0])
    assert "_gw_" not in json.dumps(sent(simulator, "gpt-5.4"))
    again = client.responses.create(
        model="claude", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert not any("encrypted_content" in line for line in adjusted(again)[0])
    assert "thinking" in json.dumps(sent(simulator, "claude-sonnet-4-6")["messages"])


def test_a_model_without_reasoning_is_asked_without_it(client: OpenAI, simulator: SimulatorControl) -> None:
    answer = client.responses.create(
        model="plain", input=QUESTION, text={"verbosity": "low"}, **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text == PARIS
    assert adjusted(answer) == [["text.verbosity dropped", "reasoning dropped", "include[0] dropped"]]
    assert sent(simulator, "gpt-4o").keys() == {"model", "input", "text", "include", "store"}


def test_a_broken_stream_goes_on_elsewhere_in_the_same_ids(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    events = checked(client, model="plain", input="Count to 60")
    final = events[-1].response
    assert final.output_text == ", ".join(str(n) for n in range(1, 61)) + "."
    assert final.id == events[0].response.id
    assert not final.id.startswith("resp_gw_")
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    assert [event.type for event in events].count("response.output_item.added") == 1
    assert final.model_extra["router"]["responders"] == ["openai:gpt-4o", "anthropic:claude-sonnet-4-6"]
    assert final.model == "claude-sonnet-4-6"


def test_a_broken_stream_that_nobody_goes_on_with_is_failed(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    body = {"model": "plain", "input": "Count to 60", "stream": True, "router": {"resume": False}}
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30)
    events = [json.loads(block.split("data: ")[1]) for block in answer.text.strip().split("\n\n")]
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        EVENT.validate_python(event, strict=True)
    response = events[-1]["response"]
    assert response["id"] == events[0]["response"]["id"]
    assert response["output"][0]["content"][0]["text"].startswith("1, 2")
    assert response["output"][0]["status"] == "incomplete"


def codex(**more: Any) -> dict[str, Any]:
    """What Codex 0.171 sends first, in short."""
    command = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
    agents = {"type": "function", "name": "close_agent", "strict": False, "parameters": {"type": "object"}}

    def says(role: str, name: str, text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return {"type": "message", "id": name, "role": role, "content": content}

    return {
        "stream": True,
        "input": [
            says("developer", "msg_c030a2d4-09ac-5e9e-9ff4-4c95b1a96693", "You are a coding agent."),
            says("user", "msg_01a227a2-c048-7dd1-a71d-8581c251ab62", "<environment_context>"),
            says("user", "msg_01a227a2-c04f-7240-aac8-c4cab322a24b", QUESTION),
        ],
        "tools": [
            {"type": "function", "name": "exec_command", "strict": False, "parameters": command},
            {"type": "namespace", "name": "multi_agent_v1", "description": "Sub-agents.", "tools": [agents]},
            *more.pop("tools", ()),
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a227a2",
        "client_metadata": {"x-codex-installation-id": "9babd23c"},
        "router": {"explain": True},
        **more,
    }


def ended(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    last = json.loads(answer.text.strip().split("data: ")[-1])
    assert last["type"] == "response.completed"
    response: dict[str, Any] = last["response"]
    return response


def test_codex_is_answered_by_openai_with_all_its_tools(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    search = {"type": "web_search", "external_web_access": True}
    response = ended(gateway, codex(model="thinker", tools=[search]))
    assert response["router"]["attempts"][0]["adjusted"] == []
    assert sent(simulator, "gpt-5.4")["client_metadata"] == {"x-codex-installation-id": "9babd23c"}
    assert [tool["type"] for tool in sent(simulator, "gpt-5.4")["tools"]] == ["function", "namespace", "web_search"]


def test_codex_is_answered_by_claude_without_its_search(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    response = ended(gateway, codex(model="claude"))
    told = response["router"]["attempts"][0]["adjusted"]
    assert {
        "client_metadata dropped",
        "tools[1] sent as tools named multi_agent_v1__...",
        "tools[1].description dropped",
    } <= set(told)
    names = [tool["name"] for tool in sent(simulator, "claude-sonnet-4-6")["tools"]]
    assert names == ["exec_command", "multi_agent_v1__close_agent"]


def test_what_openais_own_tools_did_is_not_gone_on_with_elsewhere(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-5.4")
    with pytest.raises(openai.APIError, match="provider_tool had been sent"):
        list(client.responses.create(model="thinker", input="Search the web: who won?", tools=[SEARCH], stream=True))


@pytest.mark.parametrize("cut_after", [3, 4, 6, 17, 19, 24])
def test_a_stream_with_a_thought_goes_on_elsewhere(client: OpenAI, simulator: SimulatorControl, cut_after: int) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=cut_after), model="gpt-5.4")
    thinks: dict[str, Any] = {"reasoning": {"effort": "low", "summary": "auto"}}
    events = checked(client, model="thinker", input="Count to 60", **thinks)
    kinds = [event.type for event in events]
    final = events[-1].response
    assert final.output_text == ", ".join(str(n) for n in range(1, 61)) + "."
    done = [event.item.id for event in events if event.type == "response.output_item.done"]
    assert [item.id for item in final.output] == done
    assert final.output[-1].type == "message"
    assert final.model_extra["router"]["responders"][-1] == "anthropic:claude-sonnet-4-6"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    for begun, ended in (("part.added", "part.done"), ("summary_part.added", "summary_part.done")):
        assert sum(kind.endswith(begun) for kind in kinds) == sum(kind.endswith(ended) for kind in kinds)


@pytest.mark.parametrize(
    "agent", ["codex_exec/0.171.0 (Debian 12; x86_64)", "codex_cli_rs/0.171.0", "codex_vscode/0.171.0"]
)
def test_codex_does_not_ask_an_exhausted_chain_again(gateway: Gateway, simulator: SimulatorControl, agent: str) -> None:
    simulator.reset()
    for model in ("gpt-4o", "claude-sonnet-4-6"):
        simulator.inject(Fault(kind="model_not_found"), model=model)
    body = {"model": "plain", "input": QUESTION, "stream": True}
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, headers={"user-agent": agent}, timeout=30)
    assert (answer.status_code, answer.headers["x-router-status"]) == (400, "502")
    assert "failed" in answer.json()["error"]["message"]
    assert httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30).status_code == 502


def test_what_is_nothing_but_stored_is_asked_of_openai(client: OpenAI) -> None:
    first = client.responses.create(model="thinker", input="What is the weather in Ulm?", tools=[WEATHER])
    call = first.output[-1]
    assert call.type == "function_call"
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    asked: dict[str, Any] = {"model": "thinker", "tools": [WEATHER]}
    assert "sunny" in client.responses.create(input=[result], previous_response_id=first.id, **asked).output_text
    references: Any = [{"type": "item_reference", "id": item.id} for item in first.output]
    assert "sunny" in client.responses.create(input=[*references, result], **asked).output_text


@pytest.mark.parametrize(
    "lost",
    [
        {"input": [{"type": "item_reference", "id": "msg_model_lost"}]},
        {"input": QUESTION, "conversation": "conv_lost"},
    ],
    ids=["item", "conversation"],
)
def test_what_a_caller_names_and_nobody_has_is_the_callers_mistake(
    gateway: Gateway, simulator: SimulatorControl, lost: dict[str, Any]
) -> None:
    """A deployment that seemed broken by it would have its circuit opened for every caller."""
    simulator.reset()
    answer = httpx.post(f"{gateway.url}/v1/responses", json={"model": "plain", **lost}, timeout=30)
    assert answer.status_code == 400, answer.text
    [attempt] = answer.json()["router"]["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("rejected", 404)
