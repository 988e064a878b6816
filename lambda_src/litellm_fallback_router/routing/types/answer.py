"""What comes back: of one deployment, in pieces, and of the whole chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ledger import CacheRecord, Ledger, Usage
from ..verdicts import Outcome
from .deployment import Deployment


@dataclass(frozen=True, slots=True)
class NativeEvent:
    """One event of a stream, as the provider sent it."""

    said: Mapping[str, Any] = field(repr=False)
    data: bytes = field(repr=False)
    """The same, as JSON on one line."""


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """A whole answer from one deployment."""

    choices: list[dict[str, Any]]
    """OpenAI's `choices`: `[{"index", "message", "finish_reason", "logprobs"?}]`."""
    usage: Usage
    """`estimated` where the provider reported none: then the rest of it means nothing."""
    cost_usd: float | None
    """None where the price is unknown."""
    system_fingerprint: str | None = None
    native: Mapping[str, Any] | None = field(default=None, repr=False)
    """The same answer as the provider wrote it, where it was asked in the caller's own format."""
    broken: str | None = None
    """The provider's finish reason, where it means that this is no complete answer."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream: OpenAI's chunk `choices`, or the usage that closes it."""

    choices: list[dict[str, Any]]
    """`[{"index", "delta", "finish_reason", "logprobs"?}]`; empty on a pure usage chunk."""
    usage: Usage | None = None
    cost_usd: float | None = None
    """Set beside `usage`, where the price is known."""
    native: tuple[NativeEvent, ...] = field(default=(), repr=False)
    """What the provider sent of this, and before it since the last chunk, where it was asked in the caller's own
    format. A chunk of which anything was changed has none."""


@dataclass(frozen=True, slots=True)
class ChatResult:
    """Who answered, what, how fast and for how much. For a stream: what is known once it has ended."""

    request_id: str
    requested_model: str
    responders: tuple[Deployment, ...]
    """The deployment that answered; after a resumed stream all that contributed, in order."""
    choices: list[dict[str, Any]]
    """OpenAI's `choices`; empty for a stream, whose chunks the caller already has."""
    usage: Usage
    ledger: Ledger
    fallback: bool
    """True where the answer did not come from the group that was asked for."""
    created: int
    """Unix seconds."""
    system_fingerprint: str | None = None
    native: Mapping[str, Any] | None = field(default=None, repr=False)
    """The whole answer as its provider wrote it, where that was in the caller's own format and nothing was changed."""

    @property
    def deployment(self) -> Deployment:
        """The deployment that finished the answer."""
        return self.responders[-1]

    @property
    def provider(self) -> str:
        """`provider:model` of the deployment that finished the answer."""
        return self.deployment.label

    @property
    def model(self) -> str:
        return self.deployment.model

    @property
    def text(self) -> str:
        """Text of the first choice; empty where it has none (a tool call)."""
        if not self.choices:
            return ""
        return str(self.choices[0].get("message", {}).get("content") or "")

    @property
    def cost_usd(self) -> float | None:
        return self.ledger.cost_usd

    @property
    def cache(self) -> CacheRecord | None:
        """What the response cache did; None: the request takes no part in it."""
        return self.ledger.cache

    @property
    def guardrail(self) -> Outcome | None:
        """What the guardrail made of the request and the answer; None: there is no guardrail."""
        return None if self.ledger.guardrail is None else self.ledger.guardrail.outcome
