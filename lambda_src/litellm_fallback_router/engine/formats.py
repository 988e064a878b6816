"""What a provider's format is to the engine: a request built, an answer read, a stream decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ..routing.ledger import Usage
from ..routing.types import Chunk, Message, NativeRequest, ProviderAnswer
from .exchange import Outgoing


class Decoder(Protocol):
    """One stream, and how far it has come."""

    @property
    def begun(self) -> bool:
        """A token has come."""
        ...

    @property
    def ended(self) -> bool:
        """The provider has marked the stream's end."""
        ...

    @property
    def finished(self) -> bool:
        """Every choice has its finish reason. Usage may still come."""
        ...

    @property
    def complete(self) -> bool:
        """Every choice has its finish reason, and its usage is known. More may still come."""
        ...

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """What these bytes complete. Raises ProviderFailure, after what came before."""
        ...

    def end(self) -> Iterator[Chunk]:
        """What is left when the stream is over: its usage. Raises ProviderFailure where it had no finish reason."""
        ...

    @property
    def usage_so_far(self) -> Usage | None:
        """The usage that was reported at its beginning, for a stream that has no end."""
        ...


class Call(Protocol):
    """One request, and how what comes back is to be read."""

    @property
    def outgoing(self) -> Outgoing: ...

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        """Raises ProviderFailure for what is no answer."""
        ...

    def decoder(self) -> Decoder: ...


class Format(Protocol):
    """One deployment's format. Made once for each deployment."""

    def takes(self, params: Mapping[str, Any]) -> bool:
        """False for a request that LiteLLM sends elsewhere than to the provider's chat API."""
        ...

    async def call(self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool) -> Call:
        """Raises ProviderFailure for what has no form there."""
        ...


class NativeCaller(Protocol):
    """Sends a request to one deployment in the caller's own format; `NATIVE` of `provider` lists them."""

    async def call(self, native: NativeRequest, key: str | None, *, stream: bool) -> Call:
        """Its answers and chunks have `native`. Raises ProviderFailure for what cannot be sent."""
        ...
