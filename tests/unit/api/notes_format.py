"""A wire format of nobody's, as unlike OpenAI's as they come: notes. One file, as every format is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from litellm_fallback_router.api.formats.base import Asked, Format, KeyHeader, Problem
from litellm_fallback_router.api.wire import encode
from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.request.validation import parse
from litellm_fallback_router.routing.router import ChatStream
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Deployment


class Note(TypedDict, total=False):
    to: str
    text: str
    live: bool


NOTE: TypeAdapter[Note] = TypeAdapter(Note)


def _asked(body: dict[str, Any], _: RouterConfig) -> Asked:
    note = parse(NOTE, Note, body)
    request = ChatRequest(note["to"], [{"role": "user", "content": note["text"]}], validated=True)
    return Asked(request, _events if note.get("live") else None)


def _answer(result: ChatResult, *, explain: bool) -> dict[str, Any]:
    return {"note": result.text, "by": result.model, "explained": explain}


async def _events(stream: ChatStream, first: Deployment) -> AsyncGenerator[bytes, None]:
    yield _event("began", {"by": first.model})
    async for chunk in stream:
        yield _event("wrote", {"note": chunk.choices[0]["delta"]["content"]})
    yield _event("ended", {"tokens": stream.result.usage.completion_tokens})


def _error(problem: Problem) -> dict[str, Any]:
    return {"kind": "trouble", "why": problem.message, "status": problem.status, "tried": problem.router is not None}


def _event(name: str, body: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(body))


FORMAT = Format(
    paths=("/v9/notes", "/notes"),
    parse=_asked,
    answer=_answer,
    error=_error,
    error_event=lambda body: _event("trouble", body),
    keep_alive=_event("waiting", {}),
    keys=(
        KeyHeader(
            name="x-note-key",
            example="x-note-key: KEY",
            schema_name="NoteKey",
            schema={"type": "apiKey", "in": "header", "name": "x-note-key"},
        ),
    ),
    name="write_note",
    description="A note in, a note out.",
    tag="Notes",
    body=NOTE,
    examples={"a note": {"to": "openai-gpt4o", "text": "hi"}},
    streams="`began`, `wrote`, `ended`",
    answer_schema=("NoteBack", {"type": "object", "required": ["note", "by", "explained"]}),
    example_answer={"note": "Paris.", "by": "gpt-4o", "explained": False},
    error_schema=("Trouble", {"type": "object", "required": ["kind", "why", "status", "tried"]}),
)
