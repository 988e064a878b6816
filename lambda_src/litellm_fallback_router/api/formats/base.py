"""What a wire format is: everything that differs between the APIs that callers use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter

from ...routing.mapping import RouterConfig
from ...routing.ports import ResponseStore
from ...routing.router import ChatStream
from ...routing.types import ChatRequest, ChatResult, Deployment
from ..wire import encode

Json = dict[str, Any]
Events = Callable[[ChatStream, Deployment], AsyncGenerator[bytes, None]]
"""A started stream, and its first responder, as server-sent events."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A body, read."""

    request: ChatRequest
    """Without what the transport adds: time limits, ids, the caller."""
    events: Events | None = None
    """None: a whole answer is requested."""
    answer: Answer | None = None
    """Writes a whole answer's body, where that repeats parts of the request; None: the format's `answer` does."""
    keep: Callable[[Json], Awaitable[Json]] | None = None
    """The body of a whole answer once it is kept for later requests; None: it is not."""
    failed: Callable[[Problem], bytes] | None = None
    """The end of a stream that breaks off, where it depends on the stream; None: the format's error event."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no answer, before any format has put it in its words. Holds nothing that a caller may not see."""

    status: int
    """Of HTTP; inside a stream it can no longer be sent."""
    message: str
    type: str
    """OpenAI's name for the kind of error."""
    param: str | None = None
    """The field that is wrong."""
    code: str | None = None
    router: Json | None = None
    """What was attempted."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """Where a caller's API key stands."""

    name: str
    """Of the header, in lower case."""
    example: str
    """For an error that shows how a key is sent."""
    schema_name: str
    schema: Json
    """OpenAPI's security scheme."""
    scheme: str = ""
    """What comes before the key and a space; empty: the key stands alone."""

    def read(self, scope: Mapping[str, Any]) -> str:
        """The key in this header of an ASGI request; empty where there is none."""
        raw = next((value for name, value in scope["headers"] if name == self.name.encode()), b"")
        sent: str = raw.decode("latin-1")
        scheme, _, key = sent.partition(" ") if self.scheme else (self.scheme, "", sent)
        return key.strip() if scheme.lower() == self.scheme.lower() else ""


BEARER = KeyHeader(
    name="authorization",
    example="Authorization: Bearer KEY",
    schema_name="HTTPBearer",
    schema={
        "type": "http",
        "scheme": "bearer",
        "description": "One of GATEWAY_API_KEYS; not needed where none are set.",
    },
    scheme="Bearer",
)
X_API_KEY = KeyHeader(
    name="x-api-key",
    example="x-api-key: KEY",
    schema_name="XApiKey",
    schema={"type": "apiKey", "in": "header", "name": "x-api-key"},
)
"""Source: Anthropic's API reference, "Authentication"."""
AZURE_KEY = KeyHeader(
    name="api-key",
    example="api-key: KEY",
    schema_name="AzureApiKey",
    schema={"type": "apiKey", "in": "header", "name": "api-key"},
)
"""Source: Azure OpenAI REST API reference, "Authentication"."""


DEFAULT_KEYS = (BEARER, X_API_KEY, AZURE_KEY)


def key_in(scope: Mapping[str, Any], headers: Sequence[KeyHeader]) -> str:
    """The key of an ASGI request, from the first of `headers` that holds one; empty where none does."""
    return next((key for header in headers if (key := header.read(scope))), "")


class Answer(Protocol):
    """Writes a whole answer's body."""

    def __call__(self, result: ChatResult, *, explain: bool) -> Json:
        """The body of a whole answer. `explain`: with the attempts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One wire format; `handler` answers requests in it, `openapi` describes it."""

    paths: tuple[str, ...]
    """Its routes. The first is the one that `/docs` shows."""
    beside: tuple[str, ...] = ()
    """Further paths of its API, at which errors are as here."""
    parse: Callable[[Json, RouterConfig], Asked]
    """A body that is known to be a JSON object of bearable size. Raises InvalidRequestError for the first mistake."""
    parse_kept: Callable[[Json, RouterConfig, ResponseStore, str | None], Awaitable[Asked]] | None = None
    """In the place of `parse` where answers are kept for the caller, whose id is the last: a body may refer to them."""
    answer: Answer
    error: Callable[[Problem], Json]
    """The body of an error."""
    error_event: Callable[[Json], bytes]
    """That body as the last event of a stream that broke off."""
    keep_alive: bytes = b": keep-alive\n\n"
    """Sent while a stream has no events. By default a comment. Source: WHATWG HTML, "Server-sent events"."""
    keys: tuple[KeyHeader, ...] = DEFAULT_KEYS
    """The headers that may hold the caller's key. An error names the first."""
    statuses: Mapping[int, int] = field(default_factory=dict)
    """Statuses of errors that its API has another one for."""
    headers: tuple[str, ...] = ()
    """Names of the caller's headers that belong to a request as much as its body does."""
    id_header: str = ""
    """A header that has the request's id, besides `x-request-id`."""
    encode: Callable[[Any], bytes] = encode
    """Of the body of an answer."""
    values: int = 0
    """JSON values that a body may hold, where that is more than `max_values`: of numbers, which take no time."""
    name: str
    """Of its operation in OpenAPI's document."""
    description: str
    tag: str
    body: TypeAdapter[Any]
    """What a body may hold."""
    examples: Mapping[str, Json]
    """Bodies, each under what it shows."""
    streams: str = ""
    """What the events of its streams are; empty: it has none."""
    answer_schema: tuple[str, Json]
    """A whole answer: its name in OpenAPI's document, and its JSON schema."""
    example_answer: Json
    error_schema: tuple[str, Json]
    """The same of an error."""
