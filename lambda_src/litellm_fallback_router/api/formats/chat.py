"""`POST /v1/chat/completions`, as OpenAI has it, with `thinking`, `top_k`, `router` and `prompt` beside its fields.

The last chunk before `[DONE]` (the usage chunk where `include_usage` is set, else the one with the finish
reason) carries `router` if an answer fell back, was resumed or changed by the guardrail, or `explain` is set;
strict clients otherwise get no unknown fields. A stream that cannot be finished ends in an `error` event and no
`[DONE]`: OpenAI's clients raise on it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, with_config
from typing_extensions import TypedDict

from ...routing.errors import invalid
from ...routing.mapping import RouterConfig
from ...routing.request import (
    STRICT,
    ManagedPrompt,
    Messages,
    Name,
    Params,
    RouterOptions,
    check_params,
    constraints,
    managed_prompt,
    parse,
    require_unless_prompted,
)
from ...routing.router import ChatStream
from ...routing.types import OWN_MODEL, ChatRequest, ChatResult, Deployment
from ..wire import encode, is_reported, routing_report
from .base import Asked, Format, Problem

NOT_PARAMS = frozenset({"model", "messages", "stream", "stream_options", "router", "prompt"})
"""What is ours to act on; all other fields go to the provider."""
DONE = b"data: [DONE]\n\n"
_REQUIRED: list[JsonValue] = [{"required": ["model", "messages"]}, {"required": ["prompt"]}]
"""For `/docs`; `parse_chat` sees to it."""


@with_config(STRICT)
class StreamOptions(TypedDict, total=False):
    include_usage: bool
    include_obfuscation: bool


class _Frame(TypedDict, total=False):
    model: Annotated[Name, Field(description="A model or a strategy of `GET /v1/models`; `prompt`: the prompt's own.")]
    messages: Messages
    prompt: ManagedPrompt
    stream: bool
    stream_options: StreamOptions
    router: RouterOptions


@with_config(ConfigDict(**STRICT, json_schema_extra={"anyOf": _REQUIRED}))
class ChatCompletionRequest(_Frame, Params, total=False):
    """OpenAI's chat completion request, with `thinking`, `top_k`, `router` and `prompt` beside it."""


CHAT: TypeAdapter[ChatCompletionRequest] = TypeAdapter(ChatCompletionRequest)


def parse_chat(body: dict[str, Any]) -> ChatCompletionRequest:
    """Raises InvalidRequestError for the first mistake."""
    if body.get("prompt") is not None and body.get("messages") == []:
        # OpenAI's clients insist on sending some.
        body = {**body, "messages": None}
    chat = parse(CHAT, ChatCompletionRequest, body)
    require_unless_prompted(chat, "model", "messages")
    if "stream_options" in chat and not chat.get("stream"):
        raise invalid("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    check_params(chat)
    return chat


def _asked(body: dict[str, Any], _: RouterConfig) -> Asked:
    chat = parse_chat(body)
    request = ChatRequest(
        model=chat.get("model", OWN_MODEL),
        messages=chat.get("messages", []),
        params={name: value for name, value in chat.items() if name not in NOT_PARAMS},
        constraints=constraints(chat.get("router")),
        prompt=managed_prompt(chat.get("prompt")),
        validated=True,
    )
    if not chat.get("stream"):
        return Asked(request)
    include_usage = chat.get("stream_options", {}).get("include_usage", False)

    def started(stream: ChatStream, first: Deployment) -> AsyncGenerator[bytes, None]:
        head = {
            "id": _completion_id(),
            "object": "chat.completion.chunk",
            "created": stream.created,
            "model": first.model,
        }
        return events(stream, head, include_usage=include_usage, explain=request.constraints.explain)

    return Asked(request, started)


def _answer(result: ChatResult, *, explain: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": _completion_id(),
        "object": "chat.completion",
        "created": result.created,
        "model": result.model,
        "choices": result.choices,
        "usage": result.usage.to_openai(),
        "system_fingerprint": result.system_fingerprint,
    }
    if explain:
        body["router"] = routing_report(result)
    return body


def _completion_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


async def events(
    stream: ChatStream, head: Mapping[str, Any], *, include_usage: bool, explain: bool
) -> AsyncGenerator[bytes, None]:
    """`head` holds what all chunks share: `id`, `object`, `created`, `model`."""
    shared = encode(head)[:-1]
    usage = b',"usage":null' if include_usage else b""
    opened: set[int] = set()
    held = b""
    async for chunk in stream:
        if not chunk.choices:
            continue
        if held:
            yield b"data: " + held + b"}\n\n"
        choices = _encoded(chunk.choices, opened)
        held = shared + b',"choices":' + choices + usage
        if not any(choice.get("finish_reason") for choice in chunk.choices):
            yield b"data: " + held + b"}\n\n"
            held = b""
    result = stream.result
    if include_usage:
        if held:
            yield b"data: " + held + b"}\n\n"
        held = shared + b',"choices":[],"usage":' + encode(result.usage.to_openai())
    if is_reported(result, explain=explain):
        held += b',"router":' + encode(routing_report(result))
    yield b"data: " + held + b"}\n\n"
    yield DONE


def _encoded(choices: list[dict[str, Any]], opened: set[int]) -> bytes:
    """The choices as JSON. Almost every chunk is one piece of text, which is written in half the time."""
    choice, delta = choices[0], choices[0]["delta"]
    plain = len(choices) == 1 and len(choice) == 3 and len(delta) == 1 and choice.get("index") in opened
    if plain and choice.get("finish_reason", "") is None and type(text := delta.get("content")) is str:
        return b'[{"index":%d,"delta":{"content":%b},"finish_reason":null}]' % (choice["index"], encode(text))
    return encode([_with_one_role(choice, opened) for choice in choices])


def _with_one_role(choice: dict[str, Any], opened: set[int]) -> dict[str, Any]:
    """The first delta of each choice has its role, and no later one."""
    index, delta = choice.get("index", 0), choice["delta"]
    if index not in opened:
        opened.add(index)
        return choice if delta.get("role") else {**choice, "delta": {**delta, "role": "assistant"}}
    if "role" in delta:
        return {**choice, "delta": {key: value for key, value in delta.items() if key != "role"}}
    return choice


def error_body(problem: Problem) -> dict[str, Any]:
    """OpenAI's envelope. What was attempted travels beside it."""
    names = ("message", "type", "param", "code")
    body = {"error": {name: getattr(problem, name) for name in names}}
    return body if problem.router is None else {**body, "router": problem.router}


def _error_event(body: dict[str, Any]) -> bytes:
    return b"data: " + encode(body) + b"\n\n"


_OR_NULL = {"type": ["string", "null"]}
_ROUTER = {"type": "object", "description": "Who answered, every attempt, and every candidate that was passed over."}
USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "properties": {name: {"type": "integer"} for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
}
_CHOICE = {
    "type": "object",
    "required": ["index", "message", "finish_reason"],
    "properties": {
        "index": {"type": "integer"},
        "message": {
            "type": "object",
            "required": ["role"],
            "properties": {
                "role": {"const": "assistant"},
                "content": _OR_NULL,
                "refusal": _OR_NULL,
                "tool_calls": {"type": "array", "items": {"type": "object"}},
                "reasoning_content": _OR_NULL,
            },
        },
        "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter", "function_call"]},
    },
}
_COMPLETION = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
        "created": {"type": "integer", "description": "Unix seconds."},
        "model": {"type": "string", "description": "The model that answered."},
        "choices": {"type": "array", "items": _CHOICE},
        "usage": USAGE,
        "system_fingerprint": _OR_NULL,
        "router": _ROUTER,
    },
}

FORMAT = Format(
    paths=("/v1/chat/completions", "/chat/completions"),
    parse=_asked,
    answer=_answer,
    error=error_body,
    error_event=_error_event,
    name="create_chat_completion",
    description=(
        "Ask as you would ask OpenAI. The answer says which model gave it: `model`, and the `x-router-*` headers."
    ),
    tag="OpenAI",
    body=CHAT,
    examples={
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
    streams="`chat.completion.chunk` objects, and `[DONE]`, each as `data: ...`",
    answer_schema=("ChatCompletion", _COMPLETION),
    example_answer={
        "id": "chatcmpl-4f0c",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26},
    },
    error_schema=(
        "Error",
        {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["message", "type", "param", "code"],
                    "properties": {
                        "message": {"type": "string"},
                        "type": {"type": "string"},
                        "param": _OR_NULL,
                        "code": _OR_NULL,
                    },
                },
                "router": _ROUTER,
            },
        },
    ),
)
