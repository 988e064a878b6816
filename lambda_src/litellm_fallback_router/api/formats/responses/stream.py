"""A response as its stream of events, or whole."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator

from ....routing.router import ChatStream
from ....routing.types import ChatResult, Deployment
from ...wire import encode, is_reported, routing_report
from ..base import Json, Problem
from .frame import Frame
from .output import COMPLETED, INCOMPLETE, Output
from .request import Translated

CUT_OFF = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reasons of a chat that mean that more was to come."""
RATE = "rate_limit_exceeded"
FAULT = "server_error"


def whole(asked: Translated, result: ChatResult, *, explain: bool) -> Json:
    """The response object of a whole answer."""
    frame = Frame(asked.body, model=result.model, created=result.created)
    output = _output(asked)
    choice = result.choices[0]
    cut = CUT_OFF.get(choice.get("finish_reason") or "")
    deque(output.feed(choice["message"], choice.get("logprobs")), maxlen=0)
    deque(output.close(COMPLETED if cut is None else INCOMPLETE), maxlen=0)
    response = _final(frame, output, result, cut)
    if explain:
        response["router"] = routing_report(result)
    return response


class EventWriter:
    """The events of one stream, numbered, to whichever end it comes."""

    def __init__(self, asked: Translated) -> None:
        self._asked = asked
        self._output = _output(asked)
        self._frame: Frame | None = None
        self._number = 0

    async def events(self, stream: ChatStream, first: Deployment) -> AsyncGenerator[bytes, None]:
        self._frame = frame = Frame(self._asked.body, model=first.model, created=stream.created)
        for name in ("response.created", "response.in_progress"):
            yield self._event(name, {"response": frame.snapshot("in_progress")})
        reason = None
        async for chunk in stream:
            for choice in chunk.choices:
                for event in self._output.feed(choice["delta"], choice.get("logprobs")):
                    yield self._event(*event)
                reason = choice.get("finish_reason") or reason
        cut = CUT_OFF.get(reason or "")
        for event in self._output.close(COMPLETED if cut is None else INCOMPLETE):
            yield self._event(*event)
        result = stream.result
        response = _final(frame, self._output, result, cut)
        if is_reported(result, explain=stream.request.constraints.explain):
            response["router"] = routing_report(result)
        yield self._event(f"response.{response['status']}", {"response": response})

    def failed(self, problem: Problem) -> bytes:
        """The two events that end a stream that broke: one that OpenAI's SDKs raise, and the response's own end."""
        told = {"code": problem.code or problem.type, "message": problem.message, "param": problem.param}
        error = {**told, "type": problem.type}
        report = {} if problem.router is None else {"router": problem.router}
        first = self._event("error", {**told, "error": error, **report})
        if self._frame is None:
            return first
        code = RATE if problem.status == 429 else FAULT
        response = self._frame.snapshot(
            "failed", self._output.values(), error={"code": code, "message": problem.message}
        )
        return first + self._event("response.failed", {"response": {**response, **report}})

    def _event(self, name: str, fields: Json) -> bytes:
        body = {"type": name, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: " + name.encode() + b"\ndata: " + encode(body) + b"\n\n"


def _output(asked: Translated) -> Output:
    return Output(asked.tools.called, summary=asked.summary, encrypted=asked.encrypted)


def _final(frame: Frame, output: Output, result: ChatResult, cut: str | None) -> Json:
    frame.model = result.model
    status = COMPLETED if cut is None else INCOMPLETE
    return frame.snapshot(status, output.values(), usage=result.usage, incomplete=cut)
