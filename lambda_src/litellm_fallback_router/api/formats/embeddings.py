"""`POST /v1/embeddings`, as OpenAI has it, with `input_type` and `router` beside its fields.

Texts reach deployments of one vector space alone: an answer of another model would be of no use beside the vectors that
a caller has already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, WithJsonSchema, with_config
from typing_extensions import TypedDict

from ...routing.adaptation import EMBEDDINGS
from ...routing.errors import ContentPolicyError, invalid
from ...routing.mapping import RouterConfig
from ...routing.request import STRICT, Name, RouterOptions, constraints, missing, parse, wrong_type
from ...routing.types import ChatRequest, ChatResult, NativeRequest
from ..wire import encode_numbers, routing_report
from . import chat
from .base import Asked, Format, Json

MOST_TEXTS = 2048
"""In one request. Source: OpenAI, "Create embeddings"."""
MOST_VALUES = 310_000
"""JSON values in one: as tokens, of which OpenAI takes 300,000, its texts are as many."""
ROUTER_FIELDS = frozenset({"model", "router"})
"""What the gateway itself acts on."""
_TOKENS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_INPUT = {
    "description": f"A text, an array of up to {MOST_TEXTS}, or their tokens, which only OpenAI's models read.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": MOST_TEXTS},
        _TOKENS,
        {"type": "array", "items": _TOKENS, "minItems": 1, "maxItems": MOST_TEXTS},
    ],
}


@with_config(STRICT)
class EmbeddingsRequest(TypedDict, total=False):
    """OpenAI's request for embeddings, with `input_type` and `router` beside it."""

    model: Annotated[Name, Field(description="A model of `GET /v1/models` that embeds texts.")]
    input: Annotated[Any, WithJsonSchema(_INPUT)]
    dimensions: Annotated[int, Field(ge=1, le=100_000)]
    encoding_format: Literal["float", "base64"]
    user: Annotated[str, Field(max_length=1_000)]
    input_type: Literal["search_document", "search_query", "classification", "clustering"]
    router: RouterOptions


BODY: TypeAdapter[EmbeddingsRequest] = TypeAdapter(EmbeddingsRequest)


def _asked(body: dict[str, Any], _: RouterConfig) -> Asked:
    given = parse(BODY, EmbeddingsRequest, body)
    for name in ("model", "input"):
        if name not in given:
            raise missing(name)
    kind = _kind_of(given["input"])
    native = {name: value for name, value in given.items() if name not in ROUTER_FIELDS}
    texts: Sequence[Any] = [given["input"]] if isinstance(given["input"], str) else given["input"]
    request = ChatRequest(
        model=given["model"],
        # The texts as chat messages, for code that reads, counts or checks texts.
        messages=[] if kind == "tokens" else [{"role": "user", "content": text} for text in texts],
        constraints=constraints(given.get("router")),
        native=NativeRequest(EMBEDDINGS, native, only=("input (tokens)",) if kind == "tokens" else ()),
        param_names={"messages": "input"},
        validated=True,
    )
    return Asked(request)


def _kind_of(given: Any) -> str:
    """`texts` or `tokens`. Raises InvalidRequestError for what is neither."""
    if isinstance(given, str):
        if not given:
            raise invalid("Invalid 'input': a text must not be empty.", "input", "empty_string")
        return "texts"
    if not isinstance(given, list):
        raise wrong_type("input", "a string or an array", given)
    if not given:
        raise invalid("Invalid 'input': an array must not be empty.", "input", "empty_array")
    if isinstance(given[0], int) and not isinstance(given[0], bool):
        _check_tokens(given, "input")
        return "tokens"
    if len(given) > MOST_TEXTS:
        text = f"Expected an array with maximum length {MOST_TEXTS}, but got an array with length {len(given)} instead."
        raise invalid(f"Invalid 'input': array too long. {text}", "input", "array_above_max_length")
    tokens = isinstance(given[0], list)
    for index, one in enumerate(given):
        if tokens and isinstance(one, list):
            _check_tokens(one, f"input[{index}]")
        elif tokens or not isinstance(one, str):
            raise wrong_type(f"input[{index}]", "an array of tokens" if tokens else "a string", one)
        elif not one:
            raise invalid(f"Invalid 'input[{index}]': a text must not be empty.", f"input[{index}]", "empty_string")
    return "tokens" if tokens else "texts"


def _check_tokens(given: list[Any], where: str) -> None:
    if not given:
        raise invalid(f"Invalid '{where}': an array must not be empty.", where, "empty_array")
    if any(type(token) is not int or token < 0 for token in given):
        raise invalid(f"Invalid '{where}': tokens are whole numbers from 0.", where, "invalid_type")


def _answer(result: ChatResult, *, explain: bool) -> Json:
    if result.native is None:
        # The guardrail answers chats in words of its own, for which there is no place among vectors.
        raise ContentPolicyError(result.text or "the guardrail blocked the input", param="input", ledger=result.ledger)
    usage = result.usage
    body: Json = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(result.native["embeddings"])
        ],
        "model": result.model,
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens},
    }
    if explain:
        body["router"] = routing_report(result)
    return body


_USAGE = {name: {"type": "integer"} for name in ("prompt_tokens", "total_tokens")}
_ANSWER = {
    "type": "object",
    "required": ["object", "data", "model", "usage"],
    "properties": {
        "object": {"const": "list"},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["object", "index", "embedding"],
                "properties": {
                    "object": {"const": "embedding"},
                    "index": {"type": "integer"},
                    "embedding": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "number"}},
                            {"type": "string", "description": "Little-endian 32-bit floats in base64."},
                        ]
                    },
                },
            },
        },
        "model": {"type": "string", "description": "The model that answered."},
        "usage": {"type": "object", "required": list(_USAGE), "properties": _USAGE},
        "router": {"type": "object", "description": "Who answered, every attempt, and every candidate passed over."},
    },
}

FORMAT = Format(
    paths=("/v1/embeddings", "/embeddings"),
    parse=_asked,
    answer=_answer,
    error=chat.FORMAT.error,
    error_event=chat.FORMAT.error_event,
    encode=encode_numbers,
    values=MOST_VALUES,
    name="create_embeddings",
    description=(
        "Ask for vectors as you would ask OpenAI. A fallback stays inside one vector space: the same model and "
        "dimensions, in another Region, account or host."
    ),
    tag="OpenAI",
    body=BODY,
    examples={
        "a text": {"model": "vectors", "input": "The capital of France is Paris."},
        "several, shorter and packed": {
            "model": "vectors",
            "input": ["The capital of France is Paris.", "The capital of Italy is Rome."],
            "dimensions": 512,
            "encoding_format": "base64",
        },
    },
    answer_schema=("Embeddings", _ANSWER),
    example_answer={
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.0123, -0.0456]}],
        "model": "amazon.titan-embed-text-v2:0",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    },
    error_schema=chat.FORMAT.error_schema,
)
