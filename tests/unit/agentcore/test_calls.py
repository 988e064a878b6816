"""The tools of AgentCore Gateway, called in the shape it calls them, with the simulator behind the router."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fallback_router_agentcore.calls import answer
from fallback_router_agentcore.tools import ASK, CHAT_COMPLETION, TOOLS
from litellm_fallback_router.api.formats.chat import ChatCompletionRequest
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.request.schema import AskRequest
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, Simulator
from tests.support.agentcore_events import LambdaCall
from tests.support.scripted import rig, says

QUESTION = "What is the capital of France?"
PARIS = "Paris is the capital of France."
ASKED = {"question": QUESTION, "primary_model": "bedrock-nova"}
CHAT = {"model": "bedrock-nova", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def router(simulator: Simulator) -> AsyncIterator[Router]:
    router = build_router(Settings(simulator_url=simulator.url))
    yield router
    await router.aclose()


@pytest.fixture
def both(router: Router, simulator: Simulator) -> tuple[Router, Simulator]:
    return router, simulator


async def test_ask_gives_what_post_ask_gives(router: Router) -> None:
    given = await answer(router, {**ASKED, "temperature": 0.5, "max_tokens": 100}, LambdaCall("router___ask"))
    assert (given["provider"], given["response"]) == ("bedrock:us.amazon.nova-2-lite-v1:0", PARIS)
    assert given["request_id"] == LambdaCall().aws_request_id
    assert [attempt["outcome"] for attempt in given["attempts"]] == ["answered"]
    assert given["usage"]["total_tokens"] > 0
    json.dumps(given)


async def test_chat_completion_gives_openais_answer_and_the_story(router: Router) -> None:
    asked = {**CHAT, "temperature": 0, "top_p": 0.9, "max_tokens": 100, "stop": ["END"], "seed": 7}
    given = await answer(router, asked, LambdaCall("router___chat_completion"))
    assert given["object"] == "chat.completion"
    assert given["choices"][0]["message"]["content"] == PARIS
    assert given["router"]["provider"] == "bedrock:us.amazon.nova-2-lite-v1:0"


async def test_the_answer_comes_from_the_fallback_when_the_model_is_down(router: Router, simulator: Simulator) -> None:
    simulator.inject(Fault(kind="status", status=503), model="us.amazon.nova-2-lite-v1:0")
    given = await answer(router, ASKED, LambdaCall())
    assert given["provider"] == "bedrock:us.meta.llama3-3-70b-instruct-v1:0"
    assert [attempt["outcome"] for attempt in given["attempts"]][-1] == "answered"
    assert len(given["attempts"]) > 1


@pytest.mark.parametrize("name", ["router___ask", "ask", "my-own-target___ask", "my___target___ask"])
async def test_the_targets_name_may_be_any(name: str, router: Router) -> None:
    assert (await answer(router, ASKED, LambdaCall(name)))["response"] == PARIS


async def test_a_null_counts_as_left_out(router: Router) -> None:
    assert (await answer(router, {**ASKED, "max_tokens": None}, LambdaCall()))["response"] == PARIS


@pytest.mark.parametrize(
    ("tool", "asked", "wrong", "code"),
    [
        ("ask", {}, "question", "missing_required_parameter"),
        ("ask", {"question": None}, "question", "missing_required_parameter"),
        ("ask", {"question": ""}, "question", "invalid_value"),
        ("ask", {"question": 7}, "question", "invalid_type"),
        ("ask", {**ASKED, "max_tokens": 2.0}, "max_tokens", "invalid_type"),
        ("ask", {**ASKED, "max_tokens": True}, "max_tokens", "invalid_type"),
        ("ask", {**ASKED, "max_tokens": 0}, "max_tokens", "invalid_value"),
        ("ask", {**ASKED, "temperature": 3}, "temperature", "invalid_value"),
        ("ask", {**ASKED, "max_completion_tokens": 9}, "max_completion_tokens", "unknown_parameter"),
        ("ask", {**ASKED, "model": "openai-gpt4o"}, "model", "unknown_parameter"),
        ("ask", {**ASKED, "router": {"explain": True}}, "router", "unknown_parameter"),
        ("ask", {**ASKED, "api_base": "http://192.0.2.1"}, "api_base", "unknown_parameter"),
        ("chat_completion", {"messages": CHAT["messages"]}, "model", "missing_required_parameter"),
        ("chat_completion", {**CHAT, "messages": []}, "messages", "empty_array"),
        (
            "chat_completion",
            {**CHAT, "messages": [{"role": "user"}]},
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            "chat_completion",
            {**CHAT, "messages": [{"role": "boss", "content": "?"}]},
            "messages[0].role",
            "invalid_value",
        ),
        ("chat_completion", {**CHAT, "messages": ["Hello"]}, "messages[0]", "invalid_type"),
        ("chat_completion", {**CHAT, "stop": [1]}, "stop[0]", "invalid_type"),
        ("chat_completion", {**CHAT, "stream": True}, "stream", "unknown_parameter"),
        ("chat_completion", {**CHAT, "n": 99}, "n", "unknown_parameter"),
    ],
)
async def test_wrong_argument_is_named_and_nobody_is_asked(
    tool: str, asked: dict[str, Any], wrong: str, code: str, both: tuple[Router, Simulator]
) -> None:
    router, simulator = both
    error = (await answer(router, asked, LambdaCall(f"router___{tool}")))["error"]
    assert (error["status"], error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error["code"]) == (wrong, code)
    assert simulator.requests == []


@pytest.mark.parametrize("event", [[], "question", None, {"question": "\ud800"}, {"temperature": float("nan")}])
async def test_what_is_no_json_object_is_refused(event: Any, router: Router) -> None:
    error = (await answer(router, event, LambdaCall()))["error"]
    assert (error["status"], error["code"]) == (400, "invalid_json")


async def test_unknown_model_is_answered_with_the_known_ones(router: Router) -> None:
    error = (await answer(router, {**ASKED, "primary_model": "gpt-9"}, LambdaCall()))["error"]
    assert (error["status"], error["code"]) == (404, "model_not_found")
    assert "cost-optimized" in error["message"]


async def test_unknown_tool_is_answered_with_the_known_ones(router: Router) -> None:
    error = (await answer(router, {}, LambdaCall("router___delete_all")))["error"]
    assert (error["status"], "ask, chat_completion" in error["message"]) == (400, True)


@pytest.mark.parametrize("context", [None, object()])
async def test_call_that_names_no_tool_is_told_where_the_name_belongs(context: Any, router: Router) -> None:
    call = LambdaCall()
    call.client_context = context
    error = (await answer(router, ASKED, call))["error"]
    assert '{"custom": {"bedrockAgentCoreToolName": "TARGET___ask"}}' in error["message"]


async def test_exhausted_chain_tells_every_attempt(router: Router, simulator: Simulator) -> None:
    simulator.inject(Fault(kind="status", status=503))
    given = await answer(router, ASKED, LambdaCall())
    assert (given["error"]["status"], given["error"]["code"]) == (502, "providers_failed")
    assert {attempt["provider"] for attempt in given["router"]["attempts"]} == {"bedrock"}
    assert PARIS not in json.dumps(given)


async def test_known_wait_is_told(router: Router, simulator: Simulator) -> None:
    simulator.inject(Fault(kind="status", status=429, retry_after="30"))
    error = (await answer(router, ASKED, LambdaCall()))["error"]
    assert (error["status"], error["code"]) == (429, "rate_limit_exceeded")
    assert error["retry_after"] == pytest.approx(30, abs=2)


async def test_the_lambdas_remaining_time_becomes_the_deadline(router: Router, simulator: Simulator) -> None:
    simulator.inject(Fault(kind="silence"))
    error = (await answer(router, ASKED, LambdaCall(seconds=2.5)))["error"]
    assert (error["status"], error["code"]) == (504, "deadline_exceeded")


async def test_bug_is_an_answer_without_its_message(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(LambdaCall):
        def get_remaining_time_in_millis(self) -> int:
            raise RuntimeError(QUESTION)

    given = await answer(router, ASKED, Broken())
    assert (given["error"]["status"], given["error"]["code"]) == (500, "internal_error")
    assert QUESTION not in json.dumps(given)
    assert "RuntimeError" in caplog.text
    assert QUESTION not in caplog.text


async def test_half_a_surrogate_pair_from_a_model_does_not_break_the_answer() -> None:
    router = rig("a", scripts={"a": [says("half a \ud83d")] * 2}).router
    asked = await answer(router, {"question": QUESTION}, LambdaCall())
    chat = await answer(router, {**CHAT, "model": "a"}, LambdaCall("router___chat_completion"))
    assert asked["response"] == chat["choices"][0]["message"]["content"] == "half a \ufffd"
    json.dumps([asked, chat], ensure_ascii=False).encode()


def test_tools_take_nothing_that_the_http_api_does_not() -> None:
    for tool, request in ((ASK, AskRequest), (CHAT_COMPLETION, ChatCompletionRequest)):
        assert tool.input["properties"].keys() <= set(request.__annotations__)


def test_schemas_keep_to_what_agentcore_knows() -> None:
    def walk(schema: Any) -> None:
        assert schema.keys() <= {"type", "description", "properties", "required", "items"}
        assert schema["type"] in {"string", "number", "integer", "boolean", "array", "object"}
        for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
            walk(inner)

    for tool in TOOLS.values():
        walk(tool.input)
        assert {tool.model, "max_tokens"} <= tool.input["properties"].keys()
        assert {place.partition("[*]")[0] for place in tool.text} <= set(tool.input["required"])
