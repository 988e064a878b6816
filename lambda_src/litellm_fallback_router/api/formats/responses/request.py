"""A body as a chat request, for deployments without this API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....routing.adaptation import MADE_HERE, speaks
from ....routing.errors import InvalidRequestError, invalid
from ....routing.mapping import RouterConfig
from ....routing.ports import ResponseStore
from ....routing.request import check_bounds, constraints, managed_prompt, missing, parse, require_unless_prompted
from ....routing.types import OWN_MODEL, ChatRequest, NativeRequest
from ..notes import Notes
from .items import Conversation
from .kept import Room, gone, is_reference
from .schema import BODY, ResponsesRequest
from .tools import Tools

SAME = frozenset(
    {
        *("temperature", "top_p", "parallel_tool_calls", "metadata", "user", "safety_identifier", "service_tier"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "moderation"),
    }
)
"""Fields that a chat request has too, by the same name and with the same meaning."""
UNSENT = ("max_tool_calls", "client_metadata")
"""Fields without a counterpart that an answer is right without: the limit is one of built-in tools' calls."""
OPENAIS = {
    "previous_response_id": "a response that OpenAI stored",
    "conversation": "a conversation that OpenAI stores",
    "context_management": "compaction",
}
"""Fields that only OpenAI can do."""
OURS = frozenset({"model", "stream", "router", "prompt"})
"""Fields that the gateway itself acts on."""
FORMAT = "responses"
"""Its name among those in which requests are passed on."""
ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
PARAM_NAMES = {
    "messages": "input",
    "response_format": "text.format",
    "logprobs": "top_logprobs",
    "max_completion_tokens": "max_output_tokens",
}
"""OpenAI's names of a chat's fields -> those of a response."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A body, checked, and what it is as a chat request."""

    body: ResponsesRequest
    request: ChatRequest
    tools: Tools
    room: Room | None = None
    """Where the response is kept; None: it is not."""

    async def keep(self, response: dict[str, Any]) -> dict[str, Any]:
        """The response with `store`, which is true where it has been kept."""
        if self.room is None:
            return response
        kept = await self.room.keep(self.body.get("input"), response)
        return {**response, "store": kept, "previous_response_id": self.body.get("previous_response_id")}

    @property
    def encrypted(self) -> bool:
        """Reasoning is to come back in a form that can be sent again."""
        return ENCRYPTED in self.body.get("include", ())

    @property
    def summary(self) -> bool:
        """A summary of the reasoning is requested."""
        reasoning = self.body.get("reasoning", {})
        return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def parse_body(body: dict[str, Any]) -> ResponsesRequest:
    """Raises InvalidRequestError for the first mistake."""
    given = parse(BODY, ResponsesRequest, body)
    require_unless_prompted(given, "model", "input")
    if "stream_options" in given and not given.get("stream"):
        raise invalid("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    if given.get("background"):
        text = "'background' is not served here: responses are not kept to be fetched later. Leave it out, or stream."
        raise invalid(text, "background", "unsupported_parameter")
    if "previous_response_id" in given and "conversation" in given:
        text = "'previous_response_id' and 'conversation' cannot be used together."
        raise invalid(text, "previous_response_id", "invalid_value")
    wanted = given.get("text", {}).get("format")
    if wanted is not None and wanted["type"] == "json_schema":
        for name in ("name", "schema"):
            if name not in wanted:
                raise missing(f"text.format.{name}")
    return given


async def translated_kept(
    body: dict[str, Any], config: RouterConfig, store: ResponseStore, caller: str | None
) -> Translated:
    """The same where responses are kept. Raises UnavailableError too."""
    room = Room(store, caller)
    expanded = await room.expanded(body)
    if expanded is not body:
        check_bounds(expanded, config.settings)
    previous = None if "previous_response_id" in expanded else body.get("previous_response_id")
    return translated(expanded, config, room=room if body.get("store") is not False else None, previous=previous)


def translated(
    body: dict[str, Any], config: RouterConfig, *, room: Room | None = None, previous: str | None = None
) -> Translated:
    """Raises InvalidRequestError for the first mistake, and for what no deployment here can do. `room`: where the
    response is kept; `previous`: the id of the one that stands in `input` already."""
    given = parse_body(body)
    _refuse_unkept(given)
    notes = Notes()
    for name, what in OPENAIS.items():
        if name in given:
            notes.pin(name, what)
    if given.get("store") and room is None:
        notes.pin("store", "a response that is stored")
    params = _params(given, notes)
    tools = Tools(given.get("tools", ()), notes)
    if "tool_choice" in given:
        params["tool_choice"] = tools.choice(given["tool_choice"])
    if tools.made:
        params["tools"] = tools.made
    messages = _messages(given, notes)
    _check_bounds(messages, tools, config)
    request = ChatRequest(
        model=given.get("model", OWN_MODEL),
        messages=messages,
        params=params,
        constraints=constraints(given.get("router")),
        prompt=managed_prompt(given.get("prompt")),
        adjusted=tuple(notes.unsent),
        native=_native(given, notes, config, kept=room is not None),
        param_names=PARAM_NAMES,
        validated=True,
    )
    if notes.pins and not _is_served(request, config):
        raise unserved(notes)
    echo = given if previous is None else ResponsesRequest(**{**given, "previous_response_id": previous})
    return Translated(echo, request, tools, room)


def _params(given: ResponsesRequest, notes: Notes) -> dict[str, Any]:
    """The parameters of a chat, but for its tools."""
    params = {name: value for name, value in given.items() if name in SAME}
    for name in UNSENT:
        if name in given:
            notes.drop(name)
    if "max_output_tokens" in given:
        params["max_completion_tokens"] = given["max_output_tokens"]
    _reasoning(given.get("reasoning", {}), params, notes)
    _text(given.get("text", {}), params, notes)
    _logprobs(given, params)
    _include(given, notes)
    if given.get("truncation") == "auto":
        notes.drop("truncation")
    return params


def _check_bounds(messages: list[Any], tools: Tools, config: RouterConfig) -> None:
    """The bounds of a chat hold for what its items and tools become."""
    try:
        check_bounds({"messages": messages, "tools": tools.made}, config.settings)
    except InvalidRequestError as error:
        field = "tools" if str(error.param).startswith("tools") else "input"
        raise invalid(f"As a chat: {error}", field, error.code or "invalid_request") from None


def unserved(notes: Notes) -> InvalidRequestError:
    """For a request that no deployment of the chain can answer."""
    path, what = notes.pins[0]
    text = f"'{path}' is {what}: only OpenAI's own API has that, and this model's chain has no deployment of it"
    return invalid(f"{text}, or there is a guardrail, which cannot check it.", path, "unsupported_parameter")


def _refuse_unkept(given: Mapping[str, Any]) -> None:
    """An answer of the gateway's own that is not kept is known to no provider."""
    previous = given.get("previous_response_id", "")
    if MADE_HERE in previous:
        raise gone(previous, "previous_response_id", "previous_response_not_found")
    for index, item in enumerate(given["input"] if isinstance(given.get("input"), list) else ()):
        if is_reference(item) and MADE_HERE in item["id"]:
            raise gone(item["id"], f"input[{index}]", "item_not_found")


def _native(given: Mapping[str, Any], notes: Notes, config: RouterConfig, *, kept: bool) -> NativeRequest | None:
    """The body as it came; none where a prompt or a guardrail changes or checks the messages, which are sent then."""
    if config.guardrail is not None or "prompt" in given:
        return None
    body = {name: value for name, value in given.items() if name not in OURS}
    added: frozenset[str] = frozenset()
    if kept:
        # What is kept here need not be kept there; thoughts can then only be sent again if they come along.
        body["store"], asked = False, body.get("include", [])
        if ENCRYPTED not in asked:
            body["include"], added = [*asked, ENCRYPTED], frozenset({f"include[{len(asked)}]"})
    return NativeRequest(FORMAT, body, added=added, only=tuple(f"'{path}' ({what})" for path, what in notes.pins))


def _is_served(request: ChatRequest, config: RouterConfig) -> bool:
    if request.native is None:
        return False
    chain = config.chain(config.resolve(request.model, param=request.param("model")))
    return any(speaks(deployment, request.native) for deployment in chain)


def _messages(given: Mapping[str, Any], notes: Notes) -> list[Any]:
    conversation = Conversation(notes)
    if given.get("instructions"):
        conversation.add_text("system", given["instructions"])
    said = given.get("input", [])
    if isinstance(said, str):
        conversation.add_text("user", said)
    else:
        for index, item in enumerate(said):
            conversation.add(item, f"input[{index}]")
    messages = conversation.messages()
    if not (messages or notes.pins or "prompt" in given):
        raise invalid("'input' holds nothing that a model could answer to.", "input", "invalid_value")
    return messages


def _reasoning(given: Mapping[str, Any], params: dict[str, Any], notes: Notes) -> None:
    for name, value in given.items():
        if value is None:
            continue
        if name == "effort":
            params["reasoning_effort"] = value
        elif name in ("summary", "generate_summary"):
            # Reasoning that is sent is passed on: `output_items`. How long a summary is cannot be set.
            if value != "auto":
                notes.drop(f"reasoning.{name}")
        elif name == "mode" and value != "standard":
            notes.pin("reasoning.mode", f"reasoning in the mode '{value}'")
        elif (name, value) not in (("mode", "standard"), ("context", "auto")):
            notes.drop(f"reasoning.{name}")


def _text(given: Mapping[str, Any], params: dict[str, Any], notes: Notes) -> None:
    if given.get("verbosity") is not None:
        params["verbosity"] = given["verbosity"]
    wanted = given.get("format")
    if wanted is None or wanted["type"] == "text":
        return
    named = ("name", "schema", "strict", "description") if wanted["type"] == "json_schema" else ()
    for name, value in wanted.items():
        if name not in ("type", *named) and value is not None:
            notes.drop(f"text.format.{name}")
    params["response_format"] = {"type": wanted["type"]}
    if named:
        schema = {name: wanted[name] for name in named if wanted.get(name) is not None}
        params["response_format"]["json_schema"] = schema


def _logprobs(given: Mapping[str, Any], params: dict[str, Any]) -> None:
    if LOGPROBS in given.get("include", ()) or given.get("top_logprobs"):
        params["logprobs"] = True
    if given.get("top_logprobs"):
        params["top_logprobs"] = given["top_logprobs"]


def _include(given: Mapping[str, Any], notes: Notes) -> None:
    for index, wanted in enumerate(given.get("include", ())):
        if wanted not in (ENCRYPTED, LOGPROBS):
            notes.drop(f"include[{index}]")
