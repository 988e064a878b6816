"""Embeddings of OpenAI, Titan and Cohere, asked with the official clients."""

import array
import asyncio
import base64
import json
import math
from typing import Any

import httpx
import openai
import pytest
from botocore.exceptions import ClientError
from openai.types import CreateEmbeddingResponse

from local.simulator import Fault, Simulator

SMALL = "text-embedding-3-small"
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
COHERE_4 = "us.cohere.embed-v4:0"


async def embedded(client: openai.AsyncOpenAI, given: Any, **more: Any) -> list[list[float]]:
    response = await client.embeddings.create(**{"model": SMALL, "input": given, **more})
    assert [one.index for one in response.data] == list(range(len(response.data)))
    return [one.embedding for one in response.data]


async def test_texts_and_tokens_are_embedded_in_order(openai_client: openai.AsyncOpenAI) -> None:
    (one,) = await embedded(openai_client, "one")
    assert len(one) == 1536
    assert math.isclose(sum(number * number for number in one), 1, abs_tol=1e-5)
    assert await embedded(openai_client, ["zero", "one"]) == [*await embedded(openai_client, "zero"), one]
    (tokens,) = await embedded(openai_client, [1, 2, 3])
    assert len(await embedded(openai_client, [[1] * 8192])) == 1
    assert await embedded(openai_client, [[4], [1, 2, 3]]) == [*await embedded(openai_client, [4]), tokens]


async def test_fewer_dimensions_are_the_beginning_of_the_whole(openai_client: openai.AsyncOpenAI) -> None:
    (whole,), (cut,) = await embedded(openai_client, "one"), await embedded(openai_client, "one", dimensions=8)
    length = math.sqrt(sum(number * number for number in whole[:8]))
    assert cut == pytest.approx([number / length for number in whole[:8]], abs=1e-6)


async def test_two_models_never_agree_and_one_always_does(openai_client: openai.AsyncOpenAI) -> None:
    small = await embedded(openai_client, "one")
    assert small == await embedded(openai_client, "one")
    assert small != await embedded(openai_client, "one", model="text-embedding-ada-002")


async def test_numbers_and_packed_numbers_are_the_same(sim: Simulator) -> None:
    async with httpx.AsyncClient(headers={"authorization": "Bearer sim-openai-key"}) as client:
        answers = []
        for kind in ("float", "base64"):
            body = {"model": SMALL, "input": "one", "encoding_format": kind}
            response = await client.post(f"{sim.url}/openai/v1/embeddings", json=body)
            CreateEmbeddingResponse.model_validate({**response.json(), "data": []})
            answers.append(response.json())
    numbers, written = (answer["data"][0]["embedding"] for answer in answers)
    assert array.array("f", base64.b64decode(written)).tolist() == numbers
    assert answers[0]["usage"] == {"prompt_tokens": 1, "total_tokens": 1}


OPENAI_REFUSES: dict[str, tuple[dict[str, Any], int, str]] = {
    "nothing": ({"input": ""}, 400, "'$.input' is invalid."),
    "nothing among others": ({"input": ["one", ""]}, 400, "'$.input' is invalid."),
    "no texts": ({"input": []}, 400, "'$.input' is invalid."),
    "no input": ({"input": ...}, 400, "Missing required parameter: 'input'."),
    "mixed": ({"input": ["one", 2]}, 400, "Invalid type for 'input"),
    "too many": ({"input": ["one"] * 2049}, 400, "maximum length 2048"),
    "too many tokens": ({"input": [[1] * 8193]}, 400, "however you requested 8193 tokens"),
    "too long": ({"input": "word " * 8200}, 400, "This model's maximum context length is 8192 tokens"),
    "too long together": ({"input": ["word " * 6000] * 50}, 400, "max 300000 tokens per request"),
    "dimensions of an old model": (
        {"model": "text-embedding-ada-002", "dimensions": 8},
        400,
        "This model does not support specifying dimensions.",
    ),
    "too many dimensions": ({"dimensions": 1537}, 400, "Must be less than or equal to 1536."),
    "no dimensions": ({"dimensions": 0}, 400, "Expected a value >= 1"),
    "unknown parameter": ({"truncate": "END"}, 400, "Unknown parameter: 'truncate'."),
    "a chat model": ({"model": "gpt-4o"}, 403, "You are not allowed to generate embeddings from this model"),
    "an unknown model": ({"model": "embed-0"}, 404, "The model `embed-0` does not exist"),
}


@pytest.mark.parametrize("case", OPENAI_REFUSES)
async def test_openai_refuses(sim: Simulator, case: str) -> None:
    changed, status, words = OPENAI_REFUSES[case]
    given = {"model": SMALL, "input": "one", **changed}
    body = {name: value for name, value in given.items() if value is not ...}
    async with httpx.AsyncClient(headers={"authorization": "Bearer sim-openai-key"}) as client:
        answer = await client.post(f"{sim.url}/openai/v1/embeddings", json=body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text


async def invoked(client: Any, model: str, body: Any) -> tuple[Any, Any]:
    response = await asyncio.to_thread(client.invoke_model, modelId=model, body=json.dumps(body))
    return json.loads(response["body"].read()), response["ResponseMetadata"]["HTTPHeaders"]


async def test_titan_embeds_a_text(bedrock_client: Any) -> None:
    answer, headers = await invoked(bedrock_client, TITAN, {"inputText": "one"})
    assert (len(answer["embedding"]), answer["inputTextTokenCount"]) == (1024, 1)
    assert answer["embeddingsByType"] == {"float": answer["embedding"]}
    assert headers["x-amzn-bedrock-input-token-count"] == "1"
    cut, _ = await invoked(bedrock_client, TITAN, {"inputText": "one", "dimensions": 256, "normalize": True})
    assert len(cut["embedding"]) == 256
    first, _ = await invoked(bedrock_client, "amazon.titan-embed-text-v1", {"inputText": "one"})
    assert sorted(first) == ["embedding", "inputTextTokenCount"]


async def test_cohere_embeds_texts(bedrock_client: Any) -> None:
    body = {"texts": ["zero", "one"], "input_type": "search_document"}
    answer, _ = await invoked(bedrock_client, COHERE, body)
    assert (answer["response_type"], [len(one) for one in answer["embeddings"]]) == ("embeddings_floats", [1024] * 2)
    question, _ = await invoked(bedrock_client, COHERE, {**body, "input_type": "search_query"})
    assert question["embeddings"] != answer["embeddings"]
    fourth, _ = await invoked(bedrock_client, COHERE_4, {**body, "output_dimension": 256, "embedding_types": ["float"]})
    assert (fourth["response_type"], len(fourth["embeddings"]["float"][0])) == ("embeddings_by_type", 256)
    here, _ = await invoked(bedrock_client, "cohere.embed-v4:0", body)
    everywhere, _ = await invoked(bedrock_client, "global.cohere.embed-v4:0", body)
    assert here["embeddings"] == everywhere["embeddings"]


TEXTS = {"texts": ["one"], "input_type": "search_document"}
BEDROCK_REFUSES: dict[str, tuple[str, Any, str]] = {
    "several texts": (TITAN, {"inputText": ["one"]}, "#/inputText: expected type: String, found: JSONArray"),
    "no text": (TITAN, {}, r"#: required key \[inputText\] not found"),
    "an empty text": (TITAN, {"inputText": ""}, "expected minLength: 1, actual: 0"),
    "many letters": (TITAN, {"inputText": "x" * 50_001}, "expected maxLength: 50000, actual: 50001"),
    "many tokens": (TITAN, {"inputText": "x" * 40_000}, "Too many input tokens. Max input tokens: 8192"),
    "odd dimensions": (TITAN, {"inputText": "one", "dimensions": 300}, "#/dimensions: 300 is not a valid enum value"),
    "dimensions of the first": (
        "amazon.titan-embed-text-v1",
        {"inputText": "one", "dimensions": 256},
        r"#: extraneous key \[dimensions\] is not permitted",
    ),
    "two mistakes": (TITAN, {"text": "one"}, "2 schema violations found"),
    "no kind of text": (COHERE, {"texts": ["one"]}, r"#: required key \[input_type\] not found"),
    "an odd kind": (COHERE, {**TEXTS, "input_type": "poem"}, "#/input_type: poem is not a valid enum value"),
    "many texts": (COHERE, {**TEXTS, "texts": ["one"] * 97}, "#/texts: expected maximum item count: 96, found: 97"),
    "a long text": (COHERE, {**TEXTS, "texts": ["x" * 2049]}, "#/texts/0: expected maxLength: 2048, actual: 2049"),
    "dimensions of the third": (COHERE, {**TEXTS, "output_dimension": 256}, "extraneous key"),
    "no texts": (COHERE_4, {**TEXTS, "texts": []}, "exactly one of texts, images or inputs"),
    "an unknown model": ("amazon.titan-embed-text-v3", {}, "The provided model identifier is invalid."),
    "a profile of other Regions": ("eu.cohere.embed-v4:0", TEXTS, "The provided model identifier is invalid."),
}


@pytest.mark.parametrize("case", BEDROCK_REFUSES)
async def test_bedrock_refuses(bedrock_client: Any, case: str) -> None:
    model, body, words = BEDROCK_REFUSES[case]
    with pytest.raises(ClientError, match=words) as refused:
        await invoked(bedrock_client, model, body)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


async def test_faults_act_on_embeddings(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.inject(Fault(kind="status", status=429, retry_after="7"), provider="openai", model=SMALL, times=1)
    with pytest.raises(openai.RateLimitError):
        await embedded(openai_client, "one")
    sim.inject(Fault(kind="empty"), times=1)
    with pytest.raises(ValueError, match="No embedding data"):
        await embedded(openai_client, "one")
    for kind in ("cut", "reset", "garbled_headers"):
        sim.inject(Fault(kind=kind), times=1)
        with pytest.raises(openai.APIConnectionError):
            await embedded(openai_client, "one")
    sim.inject(Fault(kind="html"), times=1)
    raw = await openai_client.embeddings.with_raw_response.create(model=SMALL, input="one")
    assert raw.headers["content-type"].startswith("text/html")
    assert len(await embedded(openai_client, "one")) == 1
    assert {record.fault for record in sim.requests} == {
        "status",
        "empty",
        "cut",
        "reset",
        "garbled_headers",
        "html",
        None,
    }
