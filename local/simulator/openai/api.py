"""OpenAI's API as the server sees it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from local.simulator.catalogue import Model, find_model, models_of
from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault
from local.simulator.http import Reply, Request
from local.simulator.openai import answer as form
from local.simulator.openai import errors
from local.simulator.openai.door import Door, check_body, check_key
from local.simulator.openai.request import parse, to_call
from local.simulator.provider import ApiError, Frame
from local.simulator.settings import Settings

PREFIX = "/openai/v1"
_CREATED = 1_715_367_049


class OpenAI(Door):
    """`/openai/v1`: chat completions and the list of models."""

    def read(self, request: Request, settings: Settings) -> Call | Reply:
        check_key(request, settings)
        path = request.path.removeprefix(PREFIX)
        if path == "/chat/completions":
            return _read_chat(request)
        if path == "/models" or path.startswith("/models/"):
            return _models(request, unquote(path.removeprefix("/models").removeprefix("/")))
        text = f"Invalid URL ({request.method} {request.path})"
        raise ApiError(errors.error_reply(404, text))

    def whole(self, call: Call, answer: Answer | None) -> Reply:
        return Reply.json(200, form.completion(call, answer), self.headers())

    def frames(self, call: Call, answer: Answer | None) -> Iterator[Frame]:
        return form.chunks(call, answer)

    def failure(self, fault: Fault, call: Call) -> Reply:
        return errors.failure(fault, call)

    def rejection(self, message: str) -> Reply:
        return errors.error_reply(400, message)

    def broken_frame(self) -> bytes:
        return b'data: {"id":"chatcmpl-broken","object":"chat.completion.chunk","choi\n\n'

    def error_frame(self, call: Call, sent: int) -> bytes:
        message = "The server had an error while processing your request. Sorry about that!"
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        return form.encode_event({"error": error})


def _read_chat(request: Request) -> Call:
    check_body(request, "/v1/chat/completions")
    chat = parse(request.json)
    model = find_model("openai", chat.model)
    if model is None:
        raise ApiError(errors.model_not_found(chat.model))
    return to_call(chat, model)


def _models(request: Request, name: str) -> Reply:
    if request.method != "GET":
        text = f"Not allowed to {request.method} on {request.path}."
        raise ApiError(errors.error_reply(405, text, code="method_not_supported"))
    if not name:
        data = [_model(model) for model in models_of("openai")]
        return Reply.json(200, {"object": "list", "data": data}, errors.response_headers())
    model = find_model("openai", name)
    if model is None:
        raise ApiError(
            errors.error_reply(404, f"The model '{name}' does not exist", code="model_not_found", param="model")
        )
    return Reply.json(200, _model(model), errors.response_headers())


def _model(model: Model) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": _CREATED, "owned_by": "system"}
