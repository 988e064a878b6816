"""The values that travel through the router. Frozen; one docstring line per field, with its unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..providers import Profile, profile_of
from .callers import CallerKey, Priority
from .ledger import CacheRecord, Ledger, Usage
from .verdicts import Outcome

OWN_MODEL = "prompt"
"""As a request's model: the one its prompt names."""
Message = Mapping[str, Any]
"""One chat message in OpenAI's shape: `{"role": ..., "content": ...}`."""


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

    @property
    def profile(self) -> Profile:
        """What is known of the model at its provider: computed once for all deployments like this one, then kept."""
        own_address = self.api_base is None
        return profile_of(self.provider, self.model, compatible=self.openai_compatible, own_address=own_address)

    @property
    def label(self) -> str:
        """`provider:model`, as callers see it."""
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True)
class RoutingConstraints:
    """The caller's `router` field: it may narrow what the mapping allows, never widen it."""

    providers: tuple[str, ...] | None = None
    """Only these providers; None: all."""
    regions: tuple[str, ...] | None = None
    """Only deployments whose Region matches one of these patterns (`eu-*`); None: all."""
    fallback: bool = True
    """False: only the named model's own group."""
    resume: bool = True
    """False: a broken stream ends with an error event instead of being continued elsewhere."""
    explain: bool = False
    """True: the body carries the ledger."""
    cache: bool = False
    """True: an earlier answer to an equal request will do, and this one's may be kept, where the mapping allows it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A managed prompt that a request starts from, by the shape OpenAI's Responses API uses."""

    id: str
    """Its id, or its ARN."""
    version: str | None = None
    """A version's number; None: the working draft."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is filled in, by variable."""


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """A caller's own body, for the deployments that speak its format: it reaches them as it came, but for what must
    change."""

    format: str
    """One of `adaptation.NATIVE_FORMATS`: `messages` is Anthropic's, `responses` OpenAI's."""
    body: Mapping[str, Any] = field(repr=False)
    """Checked. Without the fields that the gateway itself acts on: `model`, `stream`, `router`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The caller's that belong to it, by lower-case name: `anthropic-beta`."""
    added: frozenset[str] = frozenset()
    """Leaves that the gateway put into the body itself, such as `include[0]`: a model that goes without is no news."""
    only: tuple[str, ...] = ()
    """What no translation has: fields with their kind, such as `tools[2] (web_search_20250305)`. Deployments that do
    not speak the format are passed over because of the first."""

    @property
    def param(self) -> str | None:
        """The first of them, without its kind."""
        return self.only[0].partition(" ")[0] if self.only else None


@dataclass(frozen=True, slots=True)
class NativeEvent:
    """One event of a stream, as the provider sent it."""

    said: Mapping[str, Any] = field(repr=False)
    data: bytes = field(repr=False)
    """The same, as JSON on one line."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to the router."""

    model: str
    """A model name or a strategy of the mapping; beside a prompt also `prompt`, for the prompt's own model."""
    messages: Sequence[Message]
    params: Mapping[str, Any] = field(default_factory=dict)
    """OpenAI's optional request fields (temperature, tools, ...), validated; never endpoints or keys."""
    timeout: float | None = None
    """Seconds the caller is willing to wait for the whole chain; None: the setting alone."""
    time_left: float | None = None
    """Seconds until what runs this process stops it (a Lambda's remaining time); None: nothing will. Unlike
    `timeout` it bounds a flowing stream too."""
    constraints: RoutingConstraints = RoutingConstraints()
    request_id: str = ""
    caller: str | None = None
    """Id of the key that asked (never the key)."""
    key: CallerKey | None = field(default=None, repr=False)
    """What that key may do, and how much of it; None: nothing is limited for it."""
    tag: str | None = None
    """Whose budget it counts against besides: `metadata.tag`, one of those that the mapping has a budget for."""
    traceparent: str | None = None
    """W3C Trace Context of the caller, as it came, for the log."""
    adjusted: tuple[str, ...] = ()
    """What its wire format has no place for in `messages` and `params`: lines for `adjusted` of every attempt."""
    prompt: Prompt | None = None
    """Its messages come before `messages`, and its parameters hold where `params` has none."""
    warm: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    """Tokens of its prompt that a deployment's provider has cached, by the deployment's id."""
    native: NativeRequest | None = field(default=None, repr=False)
    """The same request as it came, where it came in another format than OpenAI's chat completions."""
    param_names: Mapping[str, str] = field(default_factory=dict)
    """What the caller calls a field, where that is not OpenAI's name of it, for errors that name the field."""
    validated: bool = field(default=False, compare=False, repr=False)
    """True: `requests.checked`, or the API it came through, has checked all of it."""

    @property
    def priority(self) -> Priority:
        """Its key's; without a key interactive."""
        return Priority.INTERACTIVE if self.key is None else self.key.priority

    def param(self, name: str) -> str:
        """Give the caller's own name of a field.

        Args:
            name: OpenAI's name of it.

        Returns:
            The name in the format that the request came in.
        """
        return self.param_names.get(name, name)

    @property
    def caller_facts(self) -> dict[str, str | None]:
        """What the operator's log says of who asks."""
        name = {} if self.key is None or not self.key.name else {"caller_name": self.key.name}
        return {"caller": self.caller, **name, **({} if self.tag is None else {"tag": self.tag})}

    @property
    def prompt_facts(self) -> dict[str, str]:
        """What the operator's log says of the managed prompt: never what was filled in."""
        if self.prompt is None:
            return {}
        return {"prompt_id": self.prompt.id[:100], "prompt_version": (self.prompt.version or "DRAFT")[:20]}


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
