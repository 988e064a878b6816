"""Titan's and Cohere's embeddings on Bedrock: `InvokeModel` with the models' own bodies.

Sources: docs.aws.amazon.com/bedrock/latest/userguide, model-parameters-titan-embed-text, model-parameters-embed-v3 and
model-parameters-embed-v4; those of the texts stand beside them.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from local.simulator.bedrock import errors
from local.simulator.bedrock.shapes import Field, check
from local.simulator.catalogue import Model
from local.simulator.conversation import Call, Text, Turn, tokens
from local.simulator.http import Reply
from local.simulator.provider import Operation
from local.simulator.vectors import EmbeddingModel, vector

_Json = Mapping[str, Any]
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering", "image")
_TYPES = ("float", "int8", "uint8", "binary", "ubinary")
_TITAN_1 = {"inputText": Field("String", required=True, lengths=(1, 50_000))}
"""Length: alphagov/govuk-chat pull request 220."""
_TITAN_2 = {
    **_TITAN_1,
    "dimensions": Field("Integer", allowed=(256, 512, 1024)),
    "normalize": Field("Boolean"),
    "embeddingTypes": Field("JSONArray", items=Field("String", allowed=("float", "binary"))),
}
_COHERE_3 = {
    "texts": Field("JSONArray", lengths=(0, 96), items=Field("String", lengths=(0, 2048))),
    "images": Field("JSONArray"),
    "input_type": Field("String", required=True, allowed=_INPUT_TYPES),
    "truncate": Field("String", allowed=("NONE", "START", "END")),
    "embedding_types": Field("JSONArray", items=Field("String", allowed=_TYPES)),
}
"""Lengths: ScrapeGraphAI/Scrapegraph-ai issue 400, langchain4j/langchain4j pull request 6060."""
_COHERE_4 = {
    **_COHERE_3,
    "texts": Field("JSONArray", lengths=(0, 96), items=Field("String")),
    "inputs": Field("JSONArray"),
    "truncate": Field("String", allowed=("NONE", "LEFT", "RIGHT")),
    "output_dimension": Field("Integer", allowed=(256, 512, 1024, 1536)),
    "max_tokens": Field("Integer"),
}


def invoke(body: Any, model: EmbeddingModel) -> Operation:
    """Raises ApiError with Bedrock's 400 for anything it would refuse."""
    texts, answer, empty = _titan(body, model) if "titan" in model.name else _cohere(body, model)
    counted = sum(tokens(text) for text in texts)
    headers = {
        **errors.response_headers(),
        "x-amzn-bedrock-input-token-count": str(counted),
        "x-amzn-bedrock-invocation-latency": "12",
    }
    call = Call(Model(model.name, model.max_tokens), (Turn("user", tuple(Text(text) for text in texts)),), False)
    return Operation(
        Reply.json(200, answer, headers), lambda fault: errors.failure(fault, call), Reply.json(200, empty, headers)
    )


def _titan(body: Any, model: EmbeddingModel) -> tuple[list[str], _Json, _Json]:
    second = model.name.endswith("v2:0")
    check(body, _TITAN_2 if second else _TITAN_1)
    text = body["inputText"]
    if (counted := tokens(text)) > model.max_tokens:
        # Source: aws-samples/amazon-bedrock-workshop issue 136.
        raise errors.refuse(
            f"400 Bad Request: Too many input tokens. Max input tokens: {model.max_tokens}, request input token count: "
            f"{counted} "
        )
    numbers = vector(model, text, body.get("dimensions"))
    if body.get("normalize") is False:
        numbers = [3 * one for one in numbers]
    answer: dict[str, Any] = {"embedding": numbers, "inputTextTokenCount": counted}
    if second:
        signs = [int(one > 0) for one in numbers]
        kinds = {"float": numbers, "binary": signs}
        answer["embeddingsByType"] = {kind: kinds[kind] for kind in body.get("embeddingTypes") or ["float"]}
    return [text], answer, {"inputTextTokenCount": counted}


def _cohere(body: Any, model: EmbeddingModel) -> tuple[list[str], _Json, _Json]:
    check(body, _COHERE_4 if "v4" in model.name else _COHERE_3)
    given = [name for name in ("texts", "images", "inputs") if body.get(name)]
    if len(given) != 1:
        raise errors.refuse("invalid request: provide exactly one of texts, images or inputs")
    texts = body.get("texts") or [repr(one) for one in body[given[0]]]
    if body.get("truncate", "NONE") == "NONE" and (longest := max(map(tokens, texts))) > model.max_tokens:
        raise errors.refuse(f"invalid request: total number of tokens {longest} exceeds {model.max_tokens}")
    # Its vectors of questions are others than those of documents: `input_type` "adds special tokens".
    numbers = [vector(model, f"{body['input_type']} {text}", body.get("output_dimension")) for text in texts]
    kinds = body.get("embedding_types")
    by_kind = {"float": numbers, **{kind: [[int(one > 0) for one in row] for row in numbers] for kind in _TYPES[1:]}}
    answer = {
        "id": str(uuid.uuid4()),
        "texts": texts,
        "embeddings": {kind: by_kind[kind] for kind in kinds} if kinds else numbers,
        "response_type": "embeddings_by_type" if kinds else "embeddings_floats",
    }
    return texts, answer, {**answer, "embeddings": {} if kinds else []}
