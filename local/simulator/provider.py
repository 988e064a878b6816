"""What the server needs of one provider's API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault, ProviderName
from local.simulator.http import Reply, Request
from local.simulator.settings import Settings


class ApiError(Exception):
    """A request the provider refuses, with the answer it gives then."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode(errors="replace"))
        self.reply = reply


@dataclass(frozen=True)
class Frame:
    """One message of a stream, encoded."""

    data: bytes
    part: Literal["opening", "content", "closing", "finish"]
    """`content` carries text or tool arguments; `finish` marks that the answer is complete."""


@dataclass(frozen=True)
class Operation:
    """An accepted request that is no chat: its answer, and how the service fails instead."""

    reply: Reply
    failure: Callable[[Fault], Reply]
    empty: Reply | None = None
    """A 200 that holds no answer; None: there is no such thing."""


@dataclass(frozen=True)
class Target:
    """A request's model and streaming, as far as they can be read before it is checked."""

    model: str | None = None
    """Of Bedrock's other operations: the id of what they are about."""
    region: str | None = None
    stream: bool = False


def target_of(request: Request) -> Target:
    """The model that a body names, and whether its `stream` is true."""
    body = request.json
    if not isinstance(body, dict):
        return Target()
    model = body.get("model")
    return Target(model if isinstance(model, str) else None, None, body.get("stream") is True)


class Service(Protocol):
    """What answers requests, perhaps none of them chats."""

    name: ProviderName

    def target(self, request: Request) -> Target:
        """Never raises."""

    def read(self, request: Request, settings: Settings) -> Call | Operation | Reply:
        """Check a request as strictly as the provider does; an Operation or a Reply answers what is no chat, with
        and without faults.

        Raises ApiError with the provider's own refusal.
        """


class Provider(Service, Protocol):
    """One provider's wire format."""

    stream_type: str
    """Content type of a stream."""

    def headers(self) -> Mapping[str, str]:
        """Headers of an answer, with a fresh request id."""

    def whole(self, call: Call, answer: Answer | None) -> Reply:
        """An answer in one piece; None is a 200 that holds no answer."""

    def frames(self, call: Call, answer: Answer | None) -> Iterator[Frame]:
        """An answer as a stream; None is a stream that holds no answer."""

    def failure(self, fault: Fault, call: Call) -> Reply:
        """The error answer of a fault: the provider's own status, headers and text."""

    def rejection(self, message: str) -> Reply:
        """A plain 400."""

    def broken_frame(self) -> bytes:
        """A stream message that cannot be decoded."""

    def error_frame(self, call: Call, sent: int) -> bytes:
        """A stream message that reports a failure of the provider half-way, after so many messages."""

    def ping(self) -> bytes:
        """A message that carries nothing; empty where the provider has none."""
