"""What `/docs` shows of bodies that are read by hand: their schemas and examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from ..routing.request_schema import ASK_BODY
from .schemas import CHAT as CHAT_ADAPTER

_REF = "#/components/schemas/{model}"
_ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        },
        "router": {"type": "object", "description": "Every attempt, and every candidate that was passed over."},
    },
}
_USAGE = {"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26}


def _body(schema: str, examples: dict[str, Any]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": _REF.format(model=schema)},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _responses(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    errors = {
        400: "The request is wrong; `param` names the field",
        401: "No API key, or a wrong one",
        404: "No such model; the message lists the known ones",
        413: "The body is too large",
        429: "Every candidate is out of its rate; see Retry-After",
        502: "Every candidate was asked and failed",
        503: "No candidate can be asked now",
        504: "The time ran out",
    }
    error = {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}}
    return {
        200: {"description": "The answer", "content": {"application/json": {"example": example}}},
        **{status: {"description": text, "content": error} for status, text in errors.items()},
    }


CHAT = _body(
    "ChatCompletionRequest",
    {
        "a question": {
            "model": "openai-gpt4o",
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
        },
        "a strategy, streamed": {
            "model": "cost-optimized",
            "messages": [{"role": "user", "content": "Count to ten."}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        "only Bedrock in Europe, with every attempt": {
            "model": "multi-region-bedrock",
            "messages": [{"role": "user", "content": "Hello"}],
            "router": {"providers": ["bedrock"], "regions": ["eu-*"], "explain": True},
        },
        "a managed prompt, on its own model": {
            "prompt": {"id": "CAPITALS01", "version": "1", "variables": {"country": "France"}},
        },
    },
)
ASK = _body(
    "AskRequest",
    {
        "a question": {"question": "What is the capital of France?"},
        "with everything": {
            "question": "What is the capital of France?",
            "system_prompt": "You are a helpful assistant.",
            "primary_model": "openai-gpt4o",
            "temperature": 0.2,
            "max_tokens": 100,
            "timeout": 30,
        },
    },
)
CHAT_RESPONSES = _responses(
    {
        "id": "chatcmpl-4f0c",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"},
        ],
        "usage": _USAGE,
    }
)
ASK_RESPONSES = _responses(
    {
        "provider": "openai:gpt-4o",
        "response": "Paris.",
        "model": "gpt-4o",
        "usage": _USAGE,
        "cost_usd": 0.00008,
        "attempts": [{"number": 1, "deployment": "openai-gpt4o", "outcome": "answered", "seconds": 0.61}],
        "request_id": "4f0c",
    }
)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made once, when it is first asked for."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Error"] = _ERROR_SCHEMA
        adapters: list[TypeAdapter[Any]] = [CHAT_ADAPTER, ASK_BODY]
        for adapter in adapters:
            schema = adapter.json_schema(ref_template=_REF)
            schemas.update(schema.pop("$defs", {}))
            schemas[schema["title"]] = schema
        app.openapi_schema = document
    return app.openapi_schema
