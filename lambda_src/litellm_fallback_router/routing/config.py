"""The mapping, validated: what the router may ask, in which order, and every number it obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from .types import Deployment


class RouterSettings(BaseModel):
    """`settings` of the mapping. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deadline: float = Field(120.0, gt=0, le=900)
    """Budget of one request, over all attempts, for whole answers and a stream's first token."""
    answer_timeout: float = Field(60.0, gt=0, le=900)
    """A whole answer from one deployment."""
    first_token_timeout: float = Field(10.0, gt=0, le=900)
    """A stream's first token from one deployment."""
    reasoning_first_token_timeout: float = Field(60.0, gt=0, le=900)
    """The same where reasoning is on: models think in silence."""
    stall_timeout: float = Field(10.0, gt=0, le=900)
    """Longest silence inside a stream that had begun."""
    candidate_reserve: float = Field(5.0, ge=0, le=300)
    """Kept back for each candidate behind an attempt, so that the last one always has its chance."""
    max_attempts: int = Field(6, ge=1, le=20)
    """Attempts of one request, over all candidates."""
    tries_per_deployment: int = Field(2, ge=1, le=10)
    """Tries on one deployment while another candidate is left."""
    tries_on_last: int = Field(3, ge=1, le=10)
    """Tries on the last candidate."""
    backoff_base: float = Field(0.25, ge=0, le=30)
    """First backoff is drawn from 0 to this; it doubles with each further try."""
    backoff_max: float = Field(2.0, ge=0, le=60)
    retry_after_max: float = Field(3.0, ge=0, le=60)
    """Longest Retry-After that is waited out; a longer one cools the deployment instead."""
    circuit_failures: int = Field(3, ge=1, le=100)
    """Consecutive failures that open a deployment's circuit."""
    circuit_open_seconds: float = Field(5.0, gt=0, le=600)
    """How long an open circuit waits before one request may probe the deployment."""
    credential_block_seconds: float = Field(60.0, ge=0, le=3600)
    """How long a refused credential is passed over."""
    content_policy_fallback: bool = False
    """True: a content-policy refusal goes to the next candidate instead of to the caller."""
    hold_structured: bool = False
    """True: tool calls and structured output are held back until complete, so that they can fall back."""
    max_request_bytes: int = Field(6_000_000, ge=1_000, le=100_000_000)
    """Largest request body the gateway reads; Lambda itself takes no more than 6 MB."""


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """The whole mapping, validated and resolved."""

    deployments: tuple[Deployment, ...]
    chains: Mapping[str, tuple[str, ...]]
    """For every name a caller may use, the model names to ask, in order. A model's own name comes first."""
    strategies: frozenset[str] = frozenset()
    """The names in `chains` that are strategies rather than models."""
    settings: RouterSettings = field(default_factory=RouterSettings)
    warnings: tuple[str, ...] = ()
    """What was accepted but is not used, each with its path."""

    def group(self, model_name: str) -> tuple[Deployment, ...]:
        """The deployments that share `model_name`, in the mapping's order."""
        return tuple(d for d in self.deployments if d.model_name == model_name)
