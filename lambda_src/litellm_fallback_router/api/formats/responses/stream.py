"""A response as its stream of events, or whole."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator

from ....routing.router import ChatStream
from ....routing.types import ChatResult, Chunk, Deployment
from ...wire import encode, is_reported, routing_report
from ..base import Json, Problem
from .output import Output
from .output_items import COMPLETED, INCOMPLETE
from .passed import PassedEvents, as_event
from .request import Translated
from .response_object import ResponseObject
from .thoughts import with_origins

CUT_OFF = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reasons of a chat that mean that more was to come."""
RATE = "rate_limit_exceeded"
FAULT = "server_error"


def whole(asked: Translated, result: ChatResult, *, explain: bool) -> Json:
    """The response object of a whole answer."""
    if result.native is not None:
        response: Json = with_origins(dict(result.native), result.deployment)
    else:
        response = _told(asked, result)
    if explain:
        response["router"] = routing_report(result)
    return response


def _told(asked: Translated, result: ChatResult) -> Json:
    response_object = ResponseObject(asked.body, model=result.model, created=result.created)
    output = _output(asked, result.deployment)
    choice = result.choices[0]
    cut = CUT_OFF.get(choice.get("finish_reason") or "")
    deque(output.feed(choice["message"], choice.get("logprobs")), maxlen=0)
    deque(output.close(COMPLETED if cut is None else INCOMPLETE), maxlen=0)
    return _final(response_object, output, result, cut)


class EventWriter:
    """The events of one stream, numbered, to whichever end it comes."""

    def __init__(self, asked: Translated) -> None:
        self._asked = asked
        self._output: Output | None = None
        self._response_object: ResponseObject | None = None
        self._passed: PassedEvents | None = None
        """Set while a provider's own events are passed on."""
        self._number = 0
        self._reason: str | None = None

    async def events(self, stream: ChatStream, first: Deployment) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            if chunk.choices:
                for data in self._told(chunk, stream, first):
                    yield data
        result = stream.result
        if self._passed is not None and self._passed.end is not None:
            end = self._passed.end
            response, name = await self._asked.keep(end["response"]), str(end["type"])
            if is_reported(result, explain=stream.request.constraints.explain):
                response["router"] = routing_report(result)
            yield as_event(name, encode({**end, "response": response}))
            return
        output, response_object = self._own(stream.created, first)
        cut = CUT_OFF.get(self._reason or "")
        for event in output.close(COMPLETED if cut is None else INCOMPLETE):
            yield self._event(*event)
        response = await self._asked.keep(_final(response_object, output, result, cut))
        if is_reported(result, explain=stream.request.constraints.explain):
            response["router"] = routing_report(result)
        yield self._event(f"response.{response['status']}", {"response": response})

    def failed(self, problem: Problem) -> bytes:
        """The two events that end a stream that broke: one that OpenAI's SDKs raise, and the response's own end."""
        if self._passed is not None:
            self._own(0, None)
        told = {"code": problem.code or problem.type, "message": problem.message, "param": problem.param}
        error = {**told, "type": problem.type}
        report = {} if problem.router is None else {"router": problem.router}
        first = self._event("error", {**told, "error": error, **report})
        if self._response_object is None or self._output is None:
            return first
        code = RATE if problem.status == 429 else FAULT
        response = self._response_object.snapshot(
            "failed", self._output.values(), error={"code": code, "message": problem.message}
        )
        return first + self._event("response.failed", {"response": {**response, **report}})

    def _told(self, chunk: Chunk, stream: ChatStream, first: Deployment) -> Iterator[bytes]:
        if chunk.native and self._response_object is None:
            self._passed = self._passed or PassedEvents(first)
            for event in chunk.native:
                if passed := self._passed.passed(event):
                    yield passed
            return
        if self._response_object is None and self._passed is None:
            response_object = self._response_object = ResponseObject(
                self._asked.body, model=first.model, created=stream.created
            )
            for name in ("response.created", "response.in_progress"):
                yield self._event(name, {"response": response_object.snapshot("in_progress")})
        output, _ = self._own(stream.created, first)
        for choice in chunk.choices:
            for told in output.feed(choice["delta"], choice.get("logprobs")):
                yield self._event(*told)
            self._reason = choice.get("finish_reason") or self._reason

    def _own(self, created: int, first: Deployment | None) -> tuple[Output, ResponseObject]:
        """Where the events of the gateway's own making are built from here on, also after a provider's own."""
        if self._output is None:
            self._output = _output(self._asked, first)
        if self._passed is not None:
            self._response_object, self._number = self._passed.taken_over(self._output), self._passed.next_number
            self._passed = None
        if self._response_object is None:
            self._response_object = ResponseObject(
                self._asked.body, model=first.model if first else "", created=created
            )
        return self._output, self._response_object

    def _event(self, name: str, fields: Json) -> bytes:
        body = {"type": name, "sequence_number": self._number, **fields}
        self._number += 1
        return as_event(name, encode(body))


def _output(asked: Translated, maker: Deployment | None) -> Output:
    """Only Claude's thoughts can be sent again."""
    encrypted = asked.encrypted and maker is not None and maker.profile.claude
    return Output(asked.tools.called, summary=asked.summary, encrypted=encrypted)


def _final(response_object: ResponseObject, output: Output, result: ChatResult, cut: str | None) -> Json:
    response_object.model = result.model
    status = COMPLETED if cut is None else INCOMPLETE
    return response_object.snapshot(status, output.values(), usage=result.usage, incomplete=cut)
