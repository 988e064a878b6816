"""A body as a chat request, for deployments without this API. Those with it get the body as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from ....routing.errors import invalid
from ....routing.request import constraints, missing, parse
from ....routing.types import ChatRequest, NativeRequest
from ..notes import Notes
from .conversation import Conversation
from .schema import BODY, COUNT, MessagesCount, MessagesRequest
from .tools import translated_choice, translated_tools

SAME = ("temperature", "top_p", "top_k", "max_tokens", "thinking")
"""Fields that a chat request has too, by the same name and with the same meaning."""
OURS = frozenset({"model", "stream", "router"})
"""What the gateway itself acts on."""
OPERATORS = ("workspace_id", "user_profile_id", "billing_policy")
"""The account that is used, and how it pays, are the operator's choice."""
UNSENT = ("cache_control", "context_management", "diagnostics", "speed", "fallback_credit_token")
"""Fields that an answer is right without. A credit is one for the prompt's cache at Anthropic."""
ANTHROPICS = {
    "container": "a container at Anthropic",
    "mcp_servers": "MCP servers that Anthropic asks",
    "compaction": "compaction",
    "thread": "a conversation that Anthropic keeps",
    "inference_geo": "a place that Anthropic answers in",
}
"""Fields that only Anthropic can do."""
MOST_STOPS = 4
"""That OpenAI takes. Source: OpenAI, "Create chat completion"."""


def translated(body: Mapping[str, Any]) -> ChatRequest:
    """Raises InvalidRequestError for the first mistake."""
    return _translated(body, _given(BODY, MessagesRequest, body, "model", "max_tokens", "messages"))


def translated_count(body: Mapping[str, Any]) -> ChatRequest:
    """The same of a request whose tokens are to be counted. Raises InvalidRequestError."""
    return _translated(body, _given(COUNT, MessagesCount, body, "model", "messages"))


def _given(adapter: TypeAdapter[Any], fields: type[Any], body: Mapping[str, Any], *required: str) -> Mapping[str, Any]:
    for name in OPERATORS:
        if name in body:
            text = f"'{name}' is the operator's to set and is not accepted in a request. Leave it out."
            raise invalid(text, name, "forbidden_parameter")
    given: Mapping[str, Any] = parse(adapter, fields, body)
    for name in required:
        if name not in given:
            raise missing(name)
    return given


def _translated(body: Mapping[str, Any], given: Mapping[str, Any]) -> ChatRequest:
    notes = Notes()
    native = {name: value for name, value in body.items() if name not in OURS}
    conversation = Conversation(notes)
    conversation.add_system(given.get("system"))
    last = max((index for index, one in enumerate(given["messages"]) if _is_users(one)), default=-1)
    for index, message in enumerate(given["messages"]):
        conversation.add(message, f"messages[{index}]", over=index < last)
    conversation.close()
    params: dict[str, Any] = {name: value for name, value in given.items() if name in SAME}
    if tools := conversation.changes.applied_to(given.get("tools", ())):
        params |= _tools(given, tools, notes)
    elif "tool_choice" in given:
        notes.drop("tool_choice")
    _output(given, params, notes)
    if conversation.effort is not None:
        params["reasoning_effort"] = conversation.effort
    _others(given, params, notes)
    return ChatRequest(
        model=given["model"],
        messages=conversation.messages,
        params=params,
        constraints=constraints(given.get("router")),
        adjusted=tuple(notes.unsent),
        param_names={"stop": "stop_sequences", "response_format": "output_config.format"},
        native=NativeRequest("messages", native, only=tuple(f"{path} ({what})" for path, what in notes.pins)),
        validated=True,
    )


def _is_users(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "user"


def _tools(given: Mapping[str, Any], tools: Sequence[Mapping[str, Any]], notes: Notes) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if made := translated_tools(tools, notes):
        params["tools"] = made
        if "tool_choice" in given:
            params |= translated_choice(given["tool_choice"], notes)
    elif "tool_choice" in given:
        notes.pin("tool_choice", "a choice among Anthropic's tools")
    return params


def _output(given: Mapping[str, Any], params: dict[str, Any], notes: Notes) -> None:
    config: Mapping[str, Any] = given.get("output_config", {})
    notes.drop_rest(config, ("effort", "format"), "output_config")
    if config.get("effort") is not None:
        params["reasoning_effort"] = config["effort"]
    wanted = config.get("format") or given.get("output_format")
    if wanted is not None:
        schema = {"name": "output", "schema": wanted["schema"], "strict": True}
        params["response_format"] = {"type": "json_schema", "json_schema": schema}


def _others(given: Mapping[str, Any], params: dict[str, Any], notes: Notes) -> None:
    for name in UNSENT:
        if name in given:
            notes.drop(name)
    for name, what in ANTHROPICS.items():
        if given.get(name):
            notes.pin(name, what)
    if stops := given.get("stop_sequences"):
        params["stop"] = stops
        if len(stops) > MOST_STOPS:
            notes.pin("stop_sequences", f"more than {MOST_STOPS} of them")
    metadata = given.get("metadata", {})
    if metadata.get("user_id") is not None:
        params["user"] = metadata["user_id"]
    notes.drop_rest(metadata, ("user_id",), "metadata")
    if given.get("service_tier", "auto") != "auto":
        notes.drop("service_tier")
    if "fallbacks" in given:
        # They would go around the mapping; the gateway's chain is what falls back.
        notes.drop("fallbacks")
