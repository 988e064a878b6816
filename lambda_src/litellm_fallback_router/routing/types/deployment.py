"""Where a request may be sent, and what is known of the model there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...providers import Profile, profile_of


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model. `None` means unknown, and unknown never drops a candidate."""

    tools: bool | None = None
    tool_choice: bool | None = None
    """Can be made to call a tool (`tool_choice` of `required` or a function)."""
    images: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    sampling: bool | None = None
    """Takes temperature, top_p and top_k."""
    prompt_caching: bool | None = None
    prefill: bool | None = None
    """Continues a half-written assistant message that ends the conversation."""
    native_schema: bool | None = None
    """Its API holds it to a JSON schema; else a tool asks for it."""
    cache_ttl: bool | None = None
    """On Bedrock: a cache mark may say how long."""
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    input_usd_per_token: float | None = None
    output_usd_per_token: float | None = None
    cached_usd_per_token: float | None = None
    """Price of a prompt token read from the provider's cache."""
    mode: str | None = None
    """`chat`, or `embedding`: it embeds texts and answers no chats."""
    dimensions: int | None = None
    """Of its vectors."""
    retires_on: str | None = None
    """ISO date after which the provider no longer serves the model."""


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """What two deployments that embed texts must have in common for their vectors to be comparable."""

    model: str
    """The model, wherever it is asked."""
    dimensions: int | None
    """Of its vectors, where a request asks for no others; None: unknown."""

    def __str__(self) -> str:
        return self.model if self.dimensions is None else f"{self.model} of {self.dimensions} dimensions"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place to ask: a model at a provider, in a Region or at an endpoint, with one credential."""

    id: str
    """Unique: the model name, with `#2`, `#3` ... for further members of a group."""
    model_name: str
    """The name callers and chains use; deployments that share it are one group."""
    provider: str
    """`openai`, `anthropic`, `bedrock`, or any other provider LiteLLM knows."""
    model: str
    """The provider's own model id, without LiteLLM's provider prefix: `gpt-4o`."""
    litellm_model: str
    """What LiteLLM is called with: `openai/gpt-4o`, `bedrock/converse/us.amazon.nova-2-lite-v1:0`."""
    credential: str
    """Names the credential without revealing it; deployments that share one are skipped together."""
    region: str | None = None
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    """A literal, or a reference such as `os.environ/OPENAI_API_KEY`; None: the provider's usual variable."""
    openai_compatible: bool = False
    """Another server than OpenAI's own that speaks its API: requests reach it as they came."""
    rpm: int | None = None
    """Requests a minute this deployment may be sent; None: no limit."""
    weight: float = 1.0
    """Share of the load among the deployments of its group."""
    first_token_timeout: float | None = None
    """Seconds; overrides the setting of that name."""
    answer_timeout: float | None = None
    """Seconds; overrides the setting of that name."""
    stall_timeout: float | None = None
    """Seconds; overrides the setting of that name."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further LiteLLM parameters from the mapping, the operator's own (`api_version`, `aws_role_name` ...)."""
    info: ModelInfo = ModelInfo()
    space: VectorSpace | None = None
    """It embeds texts, and answers no chats; None: the other way round."""
    dimensions: int | None = None
    """Of the vectors that it is asked for where the caller says nothing; None: the model's own."""
    own_prices: bool = False
    """The mapping has other prices than the price map: they alone count, for budgets count with them too."""
    base_model: str | None = None
    """The model behind a name that the operator gave it at Azure; None: `model` says what it is."""

    @property
    def profile(self) -> Profile:
        """What is known of the model at its provider: computed once for all deployments like this one, then kept."""
        own_address = self.api_base is None
        model = self.base_model or self.model
        return profile_of(self.provider, model, compatible=self.openai_compatible, own_address=own_address)

    @property
    def label(self) -> str:
        """`provider:model`, as callers see it."""
        return f"{self.provider}:{self.model}"
