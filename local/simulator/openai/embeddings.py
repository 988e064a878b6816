"""OpenAI's embeddings as the server sees them: types of the `openai` client, `EmbeddingCreateParams`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.simulator.catalogue import Model, find_model
from local.simulator.conversation import Call, Text, Turn, tokens
from local.simulator.http import Reply, Request
from local.simulator.openai import errors
from local.simulator.openai.door import Door, check_body, check_key
from local.simulator.openai.wording import refusal_of
from local.simulator.provider import ApiError, Operation
from local.simulator.settings import Settings
from local.simulator.vectors import EmbeddingModel, find_embedder, packed, vector

_MOST = 2048
"""Of texts in a request, as texts or as tokens: types of the client, "2048 dimensions or less"; a text may well be more
tokens, according to MicrosoftDocs/azure-docs pull request 124129."""
_MOST_TOKENS = 300_000
"""Of all texts of a request together; as above."""
_Tokens = list[Annotated[int, Field(ge=0)]]


class EmbeddingsRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    input: str | list[str] | _Tokens | list[_Tokens]
    dimensions: int | None = Field(default=None, ge=1)
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


class Embeddings(Door):
    """`/openai/v1/embeddings`."""

    def read(self, request: Request, settings: Settings) -> Operation:
        check_key(request, settings)
        check_body(request, "/v1/embeddings")
        asked = _parse(request.json)
        model = _model(asked.model)
        _check_dimensions(asked, model)
        inputs = _inputs(asked)
        counted = [_tokens_of(one) for one in inputs]
        _check_lengths(counted, model)
        call = Call(Model(model.name, model.max_tokens), (Turn("user", (Text("".join(map(str, inputs))),)),), False)
        return Operation(
            Reply.json(200, _answer(asked, model, inputs, sum(counted)), errors.response_headers()),
            lambda fault: errors.failure(fault, call),
            Reply.json(200, {**_answer(asked, model, inputs, 0), "data": []}, errors.response_headers()),
        )


def _parse(body: Any) -> EmbeddingsRequest:
    if not isinstance(body, dict):
        raise errors.refuse(errors.BAD_JSON)
    try:
        asked = EmbeddingsRequest.model_validate(body)
    except ValidationError as wrong:
        raise refusal_of(wrong) from wrong
    nothing: tuple[Any, ...] = ("", [])
    if asked.input in nothing or (isinstance(asked.input, list) and any(one in nothing for one in asked.input)):
        raise _invalid()
    several = isinstance(asked.input, list) and not isinstance(asked.input[0], int)
    if several and len(asked.input) > _MOST:
        text = (
            f"Invalid 'input': array too long. Expected an array with maximum length {_MOST}, but got an array with "
            f"length {len(asked.input)} instead."
        )
        raise errors.refuse(text, code="array_above_max_length", param="input")
    return asked


def _invalid() -> ApiError:
    # Source: aryn-ai/sycamore pull request 943.
    return errors.refuse(
        "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
    )


def _model(name: str) -> EmbeddingModel:
    model = find_embedder("openai", name)
    if model is not None:
        return model
    if find_model("openai", name) is not None:
        text = "You are not allowed to generate embeddings from this model"
        raise ApiError(errors.error_reply(403, text))
    raise ApiError(errors.model_not_found(name))


def _check_dimensions(asked: EmbeddingsRequest, model: EmbeddingModel) -> None:
    if asked.dimensions is None:
        return
    # Sources: sbintuitions/JMTEB pull request 14, SciPhi-AI/R2R pull request 768.
    if model.fewer is not None:
        raise errors.refuse("This model does not support specifying dimensions.")
    if asked.dimensions > model.dimensions:
        text = f"Invalid value for 'dimensions' = {asked.dimensions}. Must be less than or equal to {model.dimensions}."
        raise errors.refuse(text)


def _inputs(asked: EmbeddingsRequest) -> list[str | list[int]]:
    given: Any = asked.input
    if isinstance(given, str):
        return [given]
    return [given] if isinstance(given[0], int) else given


def _tokens_of(given: str | list[int]) -> int:
    return tokens(given) if isinstance(given, str) else len(given)


def _check_lengths(counted: list[int], model: EmbeddingModel) -> None:
    if (longest := max(counted)) > model.max_tokens:
        # Sources: sbintuitions/JMTEB issue 15, microsoft/PubSec-Info-Assistant issue 755.
        raise errors.refuse(
            f"This model's maximum context length is {model.max_tokens} tokens, however you requested {longest} tokens "
            f"({longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
        )
    if sum(counted) > _MOST_TOKENS:
        # Source of the limit: spiceai/spiceai pull request 6144.
        text = f"Requested {sum(counted)} tokens, max {_MOST_TOKENS} tokens per request"
        reply = errors.error_reply(400, text, type="max_tokens_per_request", code="max_tokens_per_request")
        raise ApiError(reply)


def _answer(
    asked: EmbeddingsRequest, model: EmbeddingModel, inputs: list[str | list[int]], counted: int
) -> dict[str, Any]:
    def entry(index: int, given: str | list[int]) -> dict[str, Any]:
        numbers = vector(model, given if isinstance(given, str) else f"tokens {given}", asked.dimensions)
        written = packed(numbers) if asked.encoding_format == "base64" else numbers
        return {"object": "embedding", "index": index, "embedding": written}

    return {
        "object": "list",
        "data": [entry(index, given) for index, given in enumerate(inputs)],
        "model": model.name,
        "usage": {"prompt_tokens": counted, "total_tokens": counted},
    }
