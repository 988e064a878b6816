"""OpenAI's Responses API as the server sees it."""

from collections.abc import Iterator
from typing import Any, cast

from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault
from local.simulator.http import Reply, Request
from local.simulator.openai import errors
from local.simulator.openai.door import Door, check_body, check_key
from local.simulator.openai.responses import answer as form
from local.simulator.openai.responses import events
from local.simulator.openai.responses.request import (
    ResponsesCall,
    context_exceeded,
    model_not_found,
    parse,
    to_call,
)
from local.simulator.openai.responses.store import Store, Stored
from local.simulator.provider import ApiError, Frame
from local.simulator.settings import Settings

PREFIX = "/openai/v1/responses"


class Responses(Door):
    """`/openai/v1/responses`: made here, and kept unless the request has `store: false`."""

    def __init__(self) -> None:
        self.store = Store()

    def read(self, request: Request, settings: Settings) -> Call | Reply:
        owner = check_key(request, settings)
        response_id = request.path.removeprefix(PREFIX).removeprefix("/")
        if response_id:
            return self._stored(request, response_id, owner)
        check_body(request, "/v1/responses")
        return to_call(parse(request.json), request.json, self.store, owner)

    def whole(self, call: Call, answer: Answer | None) -> Reply:
        asked = cast(ResponsesCall, call)
        told = form.response(asked, answer)
        self._keep(asked, told)
        return Reply.json(200, told, self.headers())

    def frames(self, call: Call, answer: Answer | None) -> Iterator[Frame]:
        asked = cast(ResponsesCall, call)
        made = form.output(asked, answer)
        for frame in events.frames(asked, answer, made):
            if frame.part == "finish" and not asked.too_long:
                self._keep(asked, form.finished(asked, answer, made))
            yield frame

    def failure(self, fault: Fault, call: Call) -> Reply:
        match fault.kind:
            case "model_not_found":
                reply = model_not_found(call.model.name)
            case "context_exceeded":
                reply = context_exceeded()
            case "rejected":
                reply = errors.error_reply(400, "Invalid value for 'input'.", code="invalid_value", param="input")
            case _:
                reply = errors.failure(fault, call)
        return reply

    def rejection(self, message: str) -> Reply:
        return errors.error_reply(400, message, code="invalid_json_schema", param="text.format.schema")

    def broken_frame(self) -> bytes:
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'

    def error_frame(self, call: Call, sent: int) -> bytes:
        return events.failure(cast(ResponsesCall, call), sent)

    def _keep(self, call: ResponsesCall, told: dict[str, Any]) -> None:
        if call.asked.store is not False:
            self.store.keep(Stored(call.owner, told, (*call.conversation, *told["output"])))

    def _stored(self, request: Request, response_id: str, owner: str) -> Reply:
        found = self.store.find(response_id, owner)
        if found is None:
            raise ApiError(errors.error_reply(404, f"Response with id '{response_id}' not found."))
        match request.method:
            case "GET":
                return Reply.json(200, found.response, self.headers())
            case "DELETE":
                self.store.drop(response_id)
                deleted = {"id": response_id, "object": "response", "deleted": True}
                return Reply.json(200, deleted, self.headers())
            case _:
                text = f"Not allowed to {request.method} on /v1/responses/{response_id}."
                raise ApiError(errors.error_reply(405, text, code="method_not_supported"))
