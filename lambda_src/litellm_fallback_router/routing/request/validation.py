"""Validates requests: from HTTP, Python and a terminal by the same rules and in the same words.

Nothing is sent to a provider before it has passed here, so that a caller's mistake is reported as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..errors import InvalidRequestError, invalid, shown
from ..mapping import RouterSettings
from ..types import OWN_MODEL, ChatRequest, Message, Prompt, RoutingConstraints
from .bounds import check_bounds
from .messages import missing, wrong_type
from .schema import ASK_BODY, ENVELOPE, PARAMS, AskRequest, ManagedPrompt, Params, RequestEnvelope, RouterOptions

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


def validated(request: ChatRequest, settings: RouterSettings) -> ChatRequest:
    """The request, if all of it is as `ChatRequest` requires; an API that checked the parts itself has set `checked`.

    Raises InvalidRequestError for the first mistake.
    """
    if not isinstance(request, ChatRequest):
        raise wrong_type("request", "a ChatRequest", request)
    if request.validated:
        return request
    if isinstance(request.params, Mapping):
        check_bounds({**request.params, "messages": request.messages}, settings)
    envelope = parse(ENVELOPE, RequestEnvelope, _envelope(request))
    require_unless_prompted(envelope, "model", "messages")
    if not isinstance(request.params, Mapping):
        raise wrong_type("params", "an object", request.params)
    _refuse_misplaced(request.params)
    params = parse(PARAMS, Params, request.params)
    check_params(params)
    messages: list[Message] = envelope.get("messages", [])
    _check_json({**params, "messages": messages})
    return replace(
        request,
        model=envelope.get("model", OWN_MODEL),
        messages=messages,
        params=dict(params),
        validated=True,
    )


def _check_json(fields: Mapping[str, Any]) -> None:
    """A request from Python may hold more than JSON can, which a body over HTTP is."""
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise invalid(f"Invalid '{name}': it has half of a surrogate pair, which is no text.", name) from None
        except (TypeError, ValueError):
            raise invalid(f"Invalid '{name}': it has a value that JSON cannot hold.", name) from None


def parse_ask(body: Mapping[str, Any]) -> AskRequest:
    """Raises InvalidRequestError for the first mistake."""
    asked = parse(ASK_BODY, AskRequest, body)
    if "question" not in asked and "prompt" not in asked:
        raise missing("question", "Give a question, a prompt or both.")
    return asked


def as_request(asked: AskRequest, first_model: str) -> ChatRequest:
    """Make a ChatRequest of a question; `first_model` is used where it names no model."""
    prompt = managed_prompt(asked.get("prompt"))
    messages: list[Message] = [{"role": "user", "content": asked["question"]}] if "question" in asked else []
    if system_prompt := asked.get("system_prompt"):
        messages.insert(0, {"role": "system", "content": system_prompt})
    return ChatRequest(
        model=asked.get("primary_model") or (OWN_MODEL if prompt else first_model),
        messages=messages,
        params={name: value for name, value in asked.items() if name in {"temperature", "max_tokens"}},
        timeout=asked.get("timeout"),
        constraints=constraints(asked.get("router")),
        prompt=prompt,
        param_names={"model": "primary_model", "messages": "question"},
        validated=True,
    )


def managed_prompt(given: ManagedPrompt | None) -> Prompt | None:
    """The caller's `prompt` as the domain's value; None where there is none."""
    if given is None:
        return None
    return Prompt(given["id"], given.get("version"), given.get("variables", {}))


def constraints(options: RouterOptions | None) -> RoutingConstraints:
    """The caller's `router` options as constraints; without options nothing is narrowed."""
    if not options:
        return RoutingConstraints()
    providers, regions = options.get("providers"), options.get("regions")
    return RoutingConstraints(
        providers=None if providers is None else tuple(providers),
        regions=None if regions is None else tuple(regions),
        fallback=options.get("fallback", True),
        resume=options.get("resume", True),
        explain=options.get("explain", False),
        cache=options.get("cache", False),
    )


def prompt_fields(prompt: Any, path: str = "prompt") -> dict[str, Any]:
    """A `Prompt` as the fields of a request: the inverse of `managed_prompt`."""
    if not isinstance(prompt, Prompt):
        raise wrong_type(path, "a Prompt", prompt)
    return _given({"id": prompt.id, "version": prompt.version, "variables": prompt.variables})


def require_unless_prompted(given: Mapping[str, Any], *fields: str) -> None:
    """Raises InvalidRequestError for the first of `fields` that is missing, unless there is a managed prompt."""
    for field in fields:
        if field not in given and "prompt" not in given:
            raise missing(field)


def check_params(params: Params) -> None:
    """Check fields against each other. Raises InvalidRequestError for the first mistake."""
    if "top_logprobs" in params and not params.get("logprobs"):
        raise invalid("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs")
    for index, tool in enumerate(params.get("tools", ())):
        if tool["type"] not in tool:
            raise missing(f"tools[{index}].{tool['type']}")
    response_format = params.get("response_format")
    if response_format and response_format["type"] == "json_schema" and "json_schema" not in response_format:
        raise missing("response_format.json_schema")


def parse(adapter: TypeAdapter[T], fields: type[T], body: Mapping[str, Any]) -> T:
    """`body` as `fields` has it. Raises InvalidRequestError for the first mistake."""
    for name in body:
        if not isinstance(name, str):
            raise wrong_type("params", "names that are strings", name)
        if name not in fields.__annotations__:
            raise _unknown(name, name, fields.__annotations__)
    try:
        return adapter.validate_python(_given(body))
    except ValidationError as error:
        raise _translated(error.errors(include_url=False)[0]) from None


def _refuse_misplaced(params: Mapping[str, Any]) -> None:
    for name in ("stream", "stream_options"):
        if name in params:
            raise invalid(f"'{name}' is no parameter here: router.stream(request) streams, with usage.", name)
    for name in ("model", "messages", "timeout", "constraints", "prompt"):
        if name in params:
            raise invalid(f"'{name}' is no parameter: give it to ChatRequest itself, as {name}=...", name)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI takes null for an optional field to mean that it is not there."""
    return {name: value for name, value in fields.items() if value is not None}


def _envelope(request: ChatRequest) -> dict[str, Any]:
    fields = {name: getattr(request, name) for name in RequestEnvelope.__annotations__}
    fields["constraints"] = _constraint_fields(request.constraints)
    if request.prompt is not None:
        fields["prompt"] = prompt_fields(request.prompt)
        fields["messages"] = request.messages or None
    return fields


def _constraint_fields(constraints: Any) -> dict[str, Any]:
    if not isinstance(constraints, RoutingConstraints):
        raise wrong_type("constraints", "a RoutingConstraints", constraints)
    fields = {name: getattr(constraints, name) for name in RouterOptions.__annotations__}
    return _given({name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()})


def _translated(detail: ErrorDetails) -> InvalidRequestError:
    kind, path, context = detail["type"], _path(detail["loc"]), detail.get("ctx", {})
    if kind == "missing":
        return missing(path)
    if kind == "extra_forbidden":
        return _unknown(path, str(detail["loc"][-1]), ())
    if kind in _EXPECTED:
        return wrong_type(path, _EXPECTED[kind], detail["input"])
    if kind == "expected":
        return invalid(f"Invalid type for '{path}': {detail['msg']}.", path, "invalid_type")
    if kind == "literal_error":
        text = f"Invalid value for '{path}'. Supported values are: {context.get('expected')}."
        return invalid(text, path, "invalid_value")
    return invalid(f"Invalid '{path}': {detail['msg']}.", path, "invalid_value")


def _unknown(path: str, name: str, known: Iterable[str]) -> InvalidRequestError:
    path = shown(path)
    if name in OPERATORS_OWN or name.startswith(OPERATORS_PREFIXES):
        text = f"'{path}' is the operator's to set and is not accepted in a request. Leave it out."
        return invalid(text, path, "forbidden_parameter")
    close = get_close_matches(name[:64], known, n=1)
    hint = f". Did you mean '{close[0]}'?" if close else ""
    return invalid(f"Unrecognized request argument supplied: {path}{hint}", path, "unknown_parameter")


def _path(location: tuple[int | str, ...]) -> str:
    """`("tools", 0, "function", "name")` as `tools[0].function.name`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{shown(step)}" if path else shown(step)
    return path
