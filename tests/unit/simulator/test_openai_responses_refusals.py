"""What OpenAI's Responses API refuses, with its status, code and parameter."""

from typing import Any

import httpx
import pytest

from local.simulator import Simulator

HI = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "done"}
LOOSE = {"type": "object", "properties": {}}

REFUSED: dict[str, tuple[dict[str, Any], str | None, str | None, str]] = {
    "no model": ({"model": ...}, "missing_required_parameter", "model", "Missing required parameter: 'model'."),
    "unknown model": ({"model": "gpt-0"}, "model_not_found", "model", "The requested model 'gpt-0' does not exist."),
    "unknown parameter": ({"messages": []}, "unknown_parameter", "messages", "Unknown parameter: 'messages'."),
    "no input": ({"input": ...}, "missing_required_parameter", "input", "must be provided"),
    "too few tokens": ({"max_output_tokens": 10}, "integer_below_min_value", "max_output_tokens", "a value >= 16"),
    "wrong type": ({"store": "no"}, "invalid_type", "store", "expected a boolean, but got a string"),
    "unknown include": ({"include": ["thoughts"]}, "invalid_value", "include[0]", "Invalid value: 'thoughts'"),
    "stream options": ({"stream_options": {}}, None, "stream_options", "only allowed when 'stream' is enabled"),
    "unknown field of an item": (
        {"input": [HI, {**CALL, "extra": 1}, RESULT]},
        "unknown_parameter",
        "input[1].extra",
        "Unknown parameter: 'input[1].extra'.",
    ),
    "unknown field of a message": ({"input": [{**HI, "name": "zoe"}]}, "unknown_parameter", "input[0].name", "name"),
    "status of a thought": (
        {"model": "gpt-5.4", "input": [HI, {"type": "reasoning", "summary": [], "status": None}]},
        "unknown_parameter",
        "input[1].status",
        "Unknown parameter: 'input[1].status'.",
    ),
    "call without a name": (
        {"input": [HI, {"type": "function_call", "call_id": "call_1", "arguments": "{}"}, RESULT]},
        "missing_required_parameter",
        "input[1].name",
        "Missing required parameter: 'input[1].name'.",
    ),
    "unknown kind of item": ({"input": [{"type": "poem"}]}, "invalid_value", "input[0].type", "Invalid value: 'poem'"),
    "input text of an assistant": (
        {"input": [HI, {"role": "assistant", "content": [{"type": "input_text", "text": "yes"}]}]},
        "invalid_value",
        "input[1].content[0].type",
        "Invalid value: 'input_text'. Supported values are: 'output_text', 'refusal'.",
    ),
    "chat's form of an image": (
        {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "invalid_value",
        "input[0].content[0].type",
        "Supported values are: 'input_text', 'input_image', 'input_file'.",
    ),
    "long call id": (
        {"input": [HI, {**CALL, "call_id": "c" * 65}, {**RESULT, "call_id": "c" * 65}]},
        "string_above_max_length",
        "input[1].call_id",
        "maximum length 64, but got a string with length 65",
    ),
    "foreign item id": (
        {"input": [HI, {**CALL, "id": "call_1"}, RESULT]},
        "invalid_value",
        "input[1].id",
        "Expected an ID that begins with 'fc'.",
    ),
    "the same item twice": (
        {"input": [HI, {**CALL, "id": "fc_1"}, RESULT, {**CALL, "id": "fc_1"}]},
        None,
        "input",
        "Duplicate item found with id fc_1.",
    ),
    "call without a result": (
        {"input": [HI, CALL]},
        None,
        "input",
        "No tool output found for function call call_1.",
    ),
    "result without a call": (
        {"input": [HI, RESULT]},
        None,
        "input",
        "No tool call found for function call output with call_id call_1.",
    ),
    "result before its call": ({"input": [HI, RESULT, CALL]}, None, "input", "No tool call found for function call"),
    "a thought of nobody": (
        {
            "model": "gpt-5.4",
            "input": [HI, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAx"}],
        },
        "invalid_encrypted_content",
        None,
        "The encrypted content for item rs_1 could not be verified.",
    ),
    "sealed elsewhere": (
        {"model": "gpt-5.4", "input": [HI, {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAlse="}]},
        "invalid_encrypted_content",
        None,
        "Encrypted content could not be decrypted or parsed.",
    ),
    "unknown response": (
        {"previous_response_id": "resp_0"},
        "previous_response_not_found",
        "previous_response_id",
        "Previous response with id 'resp_0' not found.",
    ),
    "two kinds of state": (
        {"previous_response_id": "resp_0", "conversation": "conv_0"},
        "mutually_exclusive_parameters",
        None,
        "Mutually exclusive",
    ),
    "effort of a model without": (
        {"reasoning": {"effort": "low"}},
        "unsupported_parameter",
        "reasoning.effort",
        "not supported with this model",
    ),
    "sealed thoughts of a model without": (
        {"include": ["reasoning.encrypted_content"]},
        None,
        "include",
        "Encrypted content is not supported with this model.",
    ),
    "no word of json": (
        {"text": {"format": {"type": "json_object"}}},
        None,
        "input",
        "must contain the word 'json'",
    ),
    "form without a name": (
        {"text": {"format": {"type": "json_schema", "schema": LOOSE}}},
        "missing_required_parameter",
        "text.format.name",
        "Missing required parameter: 'text.format.name'.",
    ),
    "loose form that is strict": (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": LOOSE, "strict": True}}},
        None,
        "text.format.schema",
        "'additionalProperties' is required to be supplied and to be false",
    ),
    "chat's form of a tool": (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        "missing_required_parameter",
        "tools[0].name",
        "Missing required parameter: 'tools[0].name'.",
    ),
    "loose tool that is strict": (
        {"tools": [{"type": "function", "name": "f", "parameters": LOOSE, "strict": True}]},
        "invalid_function_parameters",
        "tools[0].parameters",
        "Invalid schema for function 'f'",
    ),
    "choice of no tool": (
        {"tool_choice": {"type": "function", "name": "g"}},
        None,
        "tool_choice",
        "Tool choice 'g' not found in 'tools' parameter.",
    ),
}


async def post(sim: Simulator, body: dict[str, Any]) -> httpx.Response:
    given = {"model": "gpt-4o", "input": "hi", **body}
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{sim.url}/openai/v1/responses",
            json={name: value for name, value in given.items() if value is not ...},
            headers={"authorization": "Bearer sim-openai-key"},
        )


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_as_the_provider_does(sim: Simulator, case: str) -> None:
    body, code, param, words = REFUSED[case]
    response = await post(sim, body)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert words in error["message"]


async def thought_and_call(sim: Simulator, **more: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a model thought and called, and the body that made it."""
    tool = {"type": "function", "name": "weather", "parameters": LOOSE}
    body = {"model": "gpt-5.4", "input": "weather in Paris?", "tools": [tool], "reasoning": {"effort": "low"}, **more}
    response = await post(sim, body)
    return response.json()["output"], body


async def test_a_thought_that_was_not_stored_is_not_found(sim: Simulator) -> None:
    (thought, call), body = await thought_and_call(sim, store=False)
    result = {**RESULT, "call_id": call["call_id"]}
    refused = await post(sim, {**body, "input": [HI, thought, call, result]})
    assert refused.status_code == 404
    assert "Items are not persisted when `store` is set to false." in refused.json()["error"]["message"]


async def test_thoughts_and_what_follows_them_belong_together(sim: Simulator) -> None:
    (thought, call), body = await thought_and_call(sim)
    result = {**RESULT, "call_id": call["call_id"]}
    assert (await post(sim, {**body, "input": [HI, thought, call, result]})).status_code == 200
    alone = await post(sim, {**body, "input": [HI, thought, HI]})
    assert "was provided without its required following item." in alone.json()["error"]["message"]
    last = await post(sim, {**body, "input": [HI, thought]})
    assert "was provided without its required following item." in last.json()["error"]["message"]
    headless = await post(sim, {**body, "input": [HI, call, result]})
    assert f"without its required 'reasoning' item: '{thought['id']}'." in headless.json()["error"]["message"]
    nameless = {name: value for name, value in call.items() if name != "id"}
    assert (await post(sim, {**body, "input": [HI, nameless, result]})).status_code == 200


async def test_stored_items_are_named_by_reference(sim: Simulator) -> None:
    (thought, call), body = await thought_and_call(sim)
    result = {**RESULT, "call_id": call["call_id"]}
    named = [{"type": "item_reference", "id": thought["id"]}, {"id": call["id"]}]
    told = await post(sim, {**body, "input": [HI, *named, result]})
    assert told.status_code == 200
    unknown = await post(sim, {**body, "input": [HI, {"type": "item_reference", "id": "msg_0"}]})
    assert unknown.status_code == 404


async def test_another_method_and_another_kind_of_body_are_refused(sim: Simulator) -> None:
    headers = {"authorization": "Bearer sim-openai-key"}
    async with httpx.AsyncClient(base_url=sim.url, headers=headers) as client:
        assert (await client.get("/openai/v1/responses")).status_code == 405
        assert (await client.post("/openai/v1/responses", data={"model": "gpt-4o"})).status_code == 415
        assert (await client.post("/openai/v1/responses", json={}, headers={"authorization": ""})).status_code == 401
