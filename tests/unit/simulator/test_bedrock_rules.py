"""What Bedrock refuses beyond the shapes of its service model: by message, tool and model."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from tests.support.bedrock_client import HAIKU, LLAMA, QUESTION, SONNET, SPEC, TOOLS

NOVA = "us.amazon.nova-2-lite-v1:0"
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
DOCUMENT = {"document": {"name": "a page", "format": "pdf", "source": {"bytes": "aaaa"}}}
IMAGE = {"image": {"format": "png", "source": {"bytes": "aaaa"}}}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


def said(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def exchange(result: dict[str, Any], **use: Any) -> dict[str, Any]:
    """A conversation with a call and its result."""
    call = {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}, **use}}
    answered = {"toolResult": {"toolUseId": call["toolUse"]["toolUseId"], "content": [], **result}}
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [answered]}]
    return {"messages": [*QUESTION, *turns], "toolConfig": TOOLS}


def with_words(asked: dict[str, Any]) -> dict[str, Any]:
    *before, results = asked["messages"]
    return {**asked, "messages": [*before, {**results, "content": [*results["content"], {"text": "And?"}]}]}


def tool(schema: Any, **more: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": schema}, **more}}]}}


def choice(**chosen: Any) -> dict[str, Any]:
    return {"toolConfig": {**TOOLS, "toolChoice": chosen}}


def answer(schema: str) -> dict[str, Any]:
    structure = {"jsonSchema": {"schema": schema}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}


CLAUDE = "The model returned the following errors: "
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (HAIKU, said(DOCUMENT), "A text block must be included when using documents."),
    (HAIKU, said({"text": "x"}, *[DOCUMENT] * 6), "messages.0: 6 documents are more than the limit of 5."),
    (HAIKU, said({"text": "x"}, *[IMAGE] * 21), "messages.0: 21 images are more than the limit of 20."),
    (
        HAIKU,
        said({"text": "x"}, {"document": {**DOCUMENT["document"], "name": "a.pdf"}}),
        "The document file name can only contain alphanumeric characters, whitespace characters, hyphens,",
    ),
    (HAIKU, said({"text": "x"}, *[POINT] * 5), f"{CLAUDE}A maximum of 4 blocks with cache_control may be provided."),
    (
        NOVA,
        {"toolConfig": {"tools": [{"toolSpec": SPEC}, POINT]}},
        f"{CLAUDE}Malformed input request: #/toolConfig/tools/1: extraneous key [cachePoint] is not permitted",
    ),
    (NOVA, said({"text": "x"}, HOUR), f"{CLAUDE}Malformed input request: extraneous key [ttl] is not permitted"),
    (
        HAIKU,
        exchange({"status": "error"}),
        "The content field at messages.2.content.0.toolResult cannot be empty when status value is error.",
    ),
    (
        HAIKU,
        exchange({"content": [{"json": [7]}]}),
        "The format of the value at messages.2.content.0.toolResult.content.0.json is invalid. Provide a json object",
    ),
    (
        HAIKU,
        exchange({}, input="{}"),
        "The format of the value at messages.1.content.0.toolUse.input is invalid. Provide a json object",
    ),
    (
        HAIKU,
        exchange({}, name="n" * 65),
        "1 validation error detected: Value '65' at 'messages.2.member.content.1.member.toolUse.name' failed",
    ),
    (
        HAIKU,
        exchange({}, toolUseId="a b"),
        "1 validation error detected: Value 'a b' at 'messages.2.member.content.1.member.toolUse.toolUseId' failed",
    ),
    (
        HAIKU,
        tool({}),
        "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.",
    ),
    (
        HAIKU,
        tool({"type": "object", "oneOf": []}),
        f"{CLAUDE}tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
    ),
    (
        HAIKU,
        tool({"type": "object", "properties": {}}, strict=True),
        f"{CLAUDE}tools.0.custom.input_schema: For 'object' type, 'additionalProperties' must be explicitly set to",
    ),
    (
        HAIKU,
        tool({"type": "object"}, description=""),
        "The provided request is not valid: Invalid length for parameter",
    ),
    (
        LLAMA,
        choice(any={}),
        "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try",
    ),
    (
        LLAMA,
        with_words(exchange({})),
        "Conversation blocks and tool result blocks cannot be provided in the same turn.",
    ),
    (NOVA, answer("{}"), "This model doesn't support the outputConfig field. Remove outputConfig and try again."),
    (
        SONNET,
        answer('{"type": "array", "items": {"type": "string"}, "maxItems": 3}'),
        f"{CLAUDE}output_config.format.schema: For 'array' type, property 'maxItems' is not supported",
    ),
    (
        HAIKU,
        {"additionalModelRequestFields": {"output_config": {"effort": "low"}}},
        f"{CLAUDE}This model does not support the effort parameter.",
    ),
    (
        HAIKU,
        {"additionalModelRequestFields": THINKING, "inferenceConfig": {"maxTokens": 1000}},
        f"{CLAUDE}`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    (
        SONNET,
        {"additionalModelRequestFields": THINKING, **choice(any={})},
        f"{CLAUDE}Thinking may not be enabled when tool_choice forces tool use.",
    ),
]
Ask = Callable[..., Any]


@pytest.fixture
def ask(http: httpx.AsyncClient, sim: Simulator, signed: Callable[..., httpx.Request]) -> Ask:
    async def asked(model: str, change: dict[str, Any], operation: str = "converse") -> httpx.Response:
        url = f"{sim.url}/bedrock/model/{model.replace(':', '%3A')}/{operation}"
        return await http.send(signed(url, {"messages": QUESTION, **change}, "us-east-1"))

    return asked


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[2][:80] for wrong in WRONG])
async def test_a_wrong_request_gets_bedrocks_400(ask: Ask, wrong: tuple[str, dict[str, Any], str]) -> None:
    model, change, message = wrong
    response = await ask(model, change)
    assert response.status_code == 400
    assert response.headers["x-amzn-errortype"].startswith("ValidationException")
    assert response.json()["message"].startswith(message)


async def test_a_model_without_caching_denies_cache_points(ask: Ask) -> None:
    response = await ask(LLAMA, said({"text": "x"}, POINT))
    assert response.status_code == 403
    assert response.headers["x-amzn-errortype"].startswith("AccessDeniedException")
    assert response.json()["message"].startswith("You invoked an unsupported model or your request did not allow")


async def test_llama_takes_tools_in_whole_answers_only(ask: Ask) -> None:
    assert (await ask(LLAMA, {"toolConfig": TOOLS})).status_code == 200
    streamed = await ask(LLAMA, {"toolConfig": TOOLS}, "converse-stream")
    assert streamed.status_code == 400
    assert streamed.json()["message"] == "This model doesn't support tool use in streaming mode."


TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a result of nothing": (HAIKU, exchange({})),
    "words beside a result": (HAIKU, with_words(exchange({}))),
    "a blank result": (HAIKU, exchange({"content": [{"text": " "}]})),
    "a cache point among Nova's messages": (NOVA, said({"text": "x"}, POINT)),
    "a cache point among Claude's tools": (HAIKU, {"toolConfig": {"tools": [{"toolSpec": SPEC}, HOUR]}}),
    "a document beside a text": (HAIKU, said({"text": "x"}, DOCUMENT)),
    "a recursive schema of a tool": (
        SONNET,
        tool({"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"$ref": "#/$defs/n"}}}),
    ),
}


@pytest.mark.parametrize("taken", TAKEN)
async def test_what_is_right_is_taken(ask: Ask, taken: str) -> None:
    response = await ask(*TAKEN[taken])
    assert response.status_code == 200, response.text
