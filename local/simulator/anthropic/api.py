"""Anthropic's API as the server sees it."""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote

from local.simulator.anthropic import answer as form
from local.simulator.anthropic import errors
from local.simulator.anthropic.request import MessagesCall, parse, parse_count, to_call
from local.simulator.catalogue import Model, find_model, models_of
from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault, ProviderName
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Frame, Operation, Target, target_of
from local.simulator.settings import Settings

PREFIX = "/anthropic/v1"


class Anthropic:
    """`/anthropic/v1`: messages, how many tokens one would be, and the list of models."""

    name: ProviderName = "anthropic"
    stream_type = "text/event-stream; charset=utf-8"

    def target(self, request: Request) -> Target:
        return target_of(request)

    def read(self, request: Request, settings: Settings) -> Call | Operation | Reply:
        _check_headers(request, settings)
        match request.method, request.path.removeprefix(PREFIX):
            case "POST", "/messages":
                return _read_messages(request)
            case "POST", "/messages/count_tokens":
                return _count_tokens(request)
            case "GET", path if path == "/models" or path.startswith("/models/"):
                return _models(unquote(path.removeprefix("/models").removeprefix("/")))
            case _, "/messages" | "/messages/count_tokens" | "/models":
                raise ApiError(errors.error_reply(405, "invalid_request_error", "Method Not Allowed"))
            case _:
                raise ApiError(errors.error_reply(404, "not_found_error", "Not found"))

    def headers(self) -> Mapping[str, str]:
        return errors.response_headers()

    def whole(self, call: Call, answer: Answer | None) -> Reply:
        return Reply.json(200, form.message(cast(MessagesCall, call), answer), self.headers())

    def frames(self, call: Call, answer: Answer | None) -> Iterator[Frame]:
        return form.events(cast(MessagesCall, call), answer)

    def failure(self, fault: Fault, call: Call) -> Reply:
        return errors.failure(fault, call)

    def rejection(self, message: str) -> Reply:
        return errors.error_reply(400, "invalid_request_error", message)

    def broken_frame(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

    def error_frame(self, call: Call, sent: int) -> bytes:
        return form.encode_event(errors.error_body("overloaded_error", "Overloaded"))

    def ping(self) -> bytes:
        return form.PING


def _check_headers(request: Request, settings: Settings) -> None:
    # The official client sends the key as a bearer token since 2.x; curl and most libraries send x-api-key.
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    key = request.headers.get("x-api-key", "") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if not key:
        raise ApiError(errors.error_reply(401, "authentication_error", "x-api-key header is required"))
    if key not in settings.anthropic_keys:
        raise ApiError(errors.error_reply(401, "authentication_error", "invalid x-api-key"))
    if not request.headers.get("anthropic-version"):
        raise errors.refuse("anthropic-version: header is required")


def _read_messages(request: Request) -> MessagesCall:
    _check_media_type(request)
    named = request.headers
    beta = named.get("anthropic-beta", "")
    asked = parse(request.json, version=named["anthropic-version"], beta=beta)
    return to_call(asked, _model_named(asked.model), beta)


def _count_tokens(request: Request) -> Operation:
    """Source: platform.claude.com/docs/en/api/messages-count-tokens; types of the client, `BetaMessageTokensCount`."""
    _check_media_type(request)
    named = request.headers
    asked = parse_count(request.json, version=named["anthropic-version"], beta=named.get("anthropic-beta", ""))
    call = to_call(asked, _model_named(asked.model))
    counted: dict[str, Any] = {"input_tokens": call.prompt_tokens}
    if asked.context_management is not None:
        counted["context_management"] = {"original_input_tokens": call.prompt_tokens}
    reply = Reply.json(200, counted, errors.response_headers())
    return Operation(reply, lambda fault: errors.failure(fault, call))


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise errors.refuse("Content-Type must be application/json")


def _model_named(name: str) -> Model:
    model = find_model("anthropic", name)
    if model is None:
        raise ApiError(errors.model_not_found(name))
    return model


def _models(name: str) -> Reply:
    if name:
        return Reply.json(200, _model(_model_named(name)), errors.response_headers())
    data = [_model(model) for model in models_of("anthropic")]
    page = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return Reply.json(200, page, errors.response_headers())


def _model(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": "2025-10-01T00:00:00Z",
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output,
    }
