"""From a JSON object to a ChatRequest's parts: allow-listed, validated, in OpenAI's words where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..routing.errors import InvalidRequestError
from ..routing.types import Narrowing, Prompt
from .errors import invalid, shown
from .messages import missing, wrong_type
from .schemas import ASK, CHAT, AskRequest, ChatCompletionRequest, ManagedPrompt, RouterOptions

T = TypeVar("T", bound=Mapping[str, Any])

OPERATORS_OWN = {
    *("api_base", "api_key", "api_version", "base_url", "custom_llm_provider", "organization", "project"),
    *("headers", "default_headers", "extra_headers", "extra_query", "extra_body", "deployment_id", "region_name"),
    *("timeout", "request_timeout", "num_retries", "max_retries", "fallbacks", "model_list", "drop_params"),
    *("guardrailConfig", "guardrails", "callbacks", "success_callback", "failure_callback", "proxy_server_request"),
}
"""Fields that LiteLLM takes to mean where, as whom and how often to call. Refused with a word why."""
OPERATORS_PREFIXES = ("aws_", "azure_", "litellm_", "mock_", "vertex_")

_EXPECTED = {
    "float_type": "a number",
    "int_type": "an integer",
    "bool_type": "a boolean",
    "string_type": "a string",
    "dict_type": "an object",
    "list_type": "an array",
}


def parse_chat(body: dict[str, Any]) -> ChatCompletionRequest:
    """Raises InvalidRequestError for the first mistake."""
    if body.get("prompt") is not None and body.get("messages") == []:
        # OpenAI's clients insist on sending some.
        body = {**body, "messages": None}
    chat = _parse(CHAT, ChatCompletionRequest, body)
    _require_unless_prompted(chat, "model", "messages")
    if "stream_options" in chat and not chat.get("stream"):
        raise invalid("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    if "top_logprobs" in chat and not chat.get("logprobs"):
        raise invalid("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs")
    for index, tool in enumerate(chat.get("tools", ())):
        if tool["type"] not in tool:
            raise missing(f"tools[{index}].{tool['type']}")
    response_format = chat.get("response_format")
    if response_format and response_format["type"] == "json_schema" and "json_schema" not in response_format:
        raise missing("response_format.json_schema")
    return chat


def parse_ask(body: dict[str, Any]) -> AskRequest:
    """Raises InvalidRequestError for the first mistake."""
    asked = _parse(ASK, AskRequest, body)
    _require_unless_prompted(asked, "question")
    return asked


def managed_prompt(given: ManagedPrompt | None) -> Prompt | None:
    if given is None:
        return None
    return Prompt(given["id"], given.get("version"), given.get("variables", {}))


def narrowing(options: RouterOptions | None) -> Narrowing:
    if not options:
        return Narrowing()
    providers, regions = options.get("providers"), options.get("regions")
    return Narrowing(
        providers=None if providers is None else tuple(providers),
        regions=None if regions is None else tuple(regions),
        fallback=options.get("fallback", True),
        resume=options.get("resume", True),
        explain=options.get("explain", False),
    )


def _require_unless_prompted(given: Mapping[str, Any], *fields: str) -> None:
    for field in fields:
        if field not in given and "prompt" not in given:
            raise missing(field)


def _parse(adapter: TypeAdapter[T], fields: type[T], body: dict[str, Any]) -> T:
    for name in body:
        if name not in fields.__annotations__:
            raise _unknown(name, name)
    # OpenAI takes null for an optional field to mean that it is not there.
    given = {name: value for name, value in body.items() if value is not None}
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        raise _translated(error.errors(include_url=False)[0]) from None


def _translated(detail: ErrorDetails) -> InvalidRequestError:
    kind, path, context = detail["type"], _path(detail["loc"]), detail.get("ctx", {})
    if kind == "missing":
        return missing(path)
    if kind == "extra_forbidden":
        return _unknown(path, str(detail["loc"][-1]))
    if kind in _EXPECTED:
        return wrong_type(path, _EXPECTED[kind], detail["input"])
    if kind == "expected":
        return invalid(f"Invalid type for '{path}': {detail['msg']}.", path, "invalid_type")
    if kind == "literal_error":
        text = f"Invalid value for '{path}'. Supported values are: {context.get('expected')}."
        return invalid(text, path, "invalid_value")
    return invalid(f"Invalid '{path}': {detail['msg']}.", path, "invalid_value")


def _unknown(path: str, name: str) -> InvalidRequestError:
    path = shown(path)
    if name in OPERATORS_OWN or name.startswith(OPERATORS_PREFIXES):
        text = f"'{path}' is the operator's to set and is not accepted in a request. Leave it out."
        return invalid(text, path, "forbidden_parameter")
    return invalid(f"Unrecognized request argument supplied: {path}", path, "unknown_parameter")


def _path(location: tuple[int | str, ...]) -> str:
    """`("tools", 0, "function", "name")` as `tools[0].function.name`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{shown(step)}" if path else shown(step)
    return path
