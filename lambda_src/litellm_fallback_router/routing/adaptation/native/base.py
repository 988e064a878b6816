"""What the domain needs of a format in which requests are passed on as they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ...types import Deployment, Message, NativeRequest
from ..report import Report


class NativeFormat(Protocol):
    """One format. Bodies are replaced, never changed in place."""

    def spoken_by(self, deployment: Deployment, native: NativeRequest) -> bool:
        """Whether this request can reach the deployment in the format; else it is translated."""
        ...

    def fitted(self, deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
        """The request with what has to change for the deployment, each change reported. Model, stream and what the
        operator sets are the engine's. Raises UnfitError where it cannot be sent."""
        ...

    def continued(
        self, native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None
    ) -> NativeRequest:
        """The request for the rest of an answer of which the caller has `text`, which may be empty."""
        ...

    def masked(self, native: NativeRequest, messages: Sequence[Message]) -> NativeRequest | None:
        """The request with these messages' texts in the place of its own; None where it has more in it than they."""
        ...
