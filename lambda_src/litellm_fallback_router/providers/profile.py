"""What is known of a provider: one frozen value, merged with what a family of its models differs in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from ..routing.failures import FailureKind
from .dialect import UNKNOWN, Dialect
from .finish_reasons import COMPATIBLE, FinishReasons


class OwnApi(Enum):
    """An API that only one provider has, and that the engine supports."""

    AZURE = auto()
    """OpenAI's, at an address with the deployment's name in it."""
    COHERE = auto()
    GEMINI = auto()
    MANTLE = auto()
    """OpenAI's, with AWS credentials."""
    OLLAMA = auto()


class SignIn(Enum):
    """How requests to a provider prove who sends them."""

    KEY = auto()
    NONE = auto()
    AWS = auto()
    """AWS credentials, those of an IAM role among them."""
    GOOGLE = auto()


@dataclass(frozen=True, slots=True)
class Override:
    """What a family of models, or another address, differs in; None: as the provider has it."""

    dialect: Dialect | None = None
    finish_reasons: FinishReasons | None = None
    claude: bool | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Models of a provider that differ from its others."""

    pattern: re.Pattern[str]
    """Found in the provider's own model id."""
    override: Override


@dataclass(frozen=True, slots=True)
class Processing:
    """Where a provider's own endpoints process prompts."""

    because: str
    """Why it is not one place; `{host}` stands for the endpoint's name."""
    fix: str
    """What would keep prompts in; `{geography}` stands for where."""
    usual_host: str = ""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Name of an endpoint -> the geography that it keeps prompts in."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """How requests reach the simulator in the provider's place."""

    path: str
    """After the simulator's address."""
    key: str | None = None
    """Worth nothing elsewhere."""
    address_param: str | None = None
    """The parameter that takes the address; None: `api_base`."""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider. The defaults are those of a server with OpenAI's API and a key."""

    dialect: Dialect = UNKNOWN
    """What its API takes."""
    finish_reasons: FinishReasons = COMPATIBLE
    claude: bool = False
    """The model is Claude, wherever it is sold."""
    native_formats: frozenset[str] = frozenset()
    """The wire formats, besides chat completions, that its own API has: `messages`, `responses`."""
    families: tuple[Family, ...] | None = None
    """Models that differ, the first that fits counts; None: Claude alone, as at Anthropic."""
    elsewhere: Override = Override()
    """What differs where the mapping names an address (`api_base`)."""

    own_domain: str | None = None
    """A server of another domain is foreign: it needs no key, and is sent none unasked. None: no server is."""
    openai_server: bool = False
    """Its servers are run by others and have OpenAI's API: requests reach them as they came."""
    openai_format_elsewhere: bool = False
    """A foreign server under this provider's name has OpenAI's API."""
    sells_only_own: bool = False
    """A model id that begins with another provider's name is a mistake."""
    bare_names: re.Pattern[str] | None = None
    """Begins the ids of its models where nothing else names the provider."""
    aliases: frozenset[str] = frozenset()
    """Other names of LiteLLM's for it."""
    routes: frozenset[str] = frozenset()
    """Ways to ask that LiteLLM has in a model's name, as in `bedrock/converse/MODEL`."""
    usual_route: str | None = None

    sign_in: SignIn = SignIn.KEY
    key_variables: tuple[str, ...] = ()
    """Environment variables that usually hold its key, the recommended one first; empty: NAME_API_KEY."""
    sign_in_params: frozenset[str] = frozenset()
    """Parameters of the mapping that sign requests without a key."""
    sign_in_variables: tuple[str, ...] = ()
    """Environment variables that do."""
    sign_in_help: str = ""
    """What to set where there is no key."""
    placeholder_key: bool = False
    """Its client insists on a key, which servers that an operator runs do not."""

    bedrock: bool = False
    """Its models are Amazon Bedrock's: in AWS Regions, allowed by IAM, in Bedrock's prompts and catalogue."""
    own_api: OwnApi | None = None
    """None: OpenAI's, one of `native_formats`, or one that only LiteLLM supports."""
    asked_elsewhere: bool = False
    """LiteLLM sends its requests to another address than its class returns, or sends another request first."""
    read_by_class: bool = False
    """Its answers are not quite OpenAI's: LiteLLM's class for it reads what is not plain text."""
    json_lines: bool = False
    """Streams are lines of JSON, not server-sent events."""
    base_variable: str | None = None
    """The environment variable with its address, where the mapping names none."""
    usual_base: str | None = None
    """Its address where that is not set."""
    openai_account: bool = False
    """Requests name the organization and the project of OpenAI's environment variables."""
    address_in_litellm: bool = False
    """LiteLLM's class for its format has its address."""
    tools_annotate: bool = False
    """What its own tools did is annotated in the answer: without annotations only tokens cost."""
    embedders: tuple[str, ...] = ()
    """How the ids of models begin that the engine can ask for embeddings; an empty one: any."""
    caches_by_itself: bool = False
    """It caches long prompts without being asked, where the model can."""
    states_prices: bool = False
    """Its usage includes the cost."""
    beside_guardrail: bool = False
    """May get a request that the guardrail still checks: the same AWS service has it already."""
    tools_in_prompt: bool = False
    """LiteLLM writes tools into the prompt, though it does not list them among the fields it takes."""
    priced_as: str | None = None
    """The provider whose prices hold where the price map has none of its own."""
    processing: Processing | None = None
    """Where its own endpoints process prompts; None: it depends on the operator's account."""
    route_processing: Mapping[str, Processing] = field(default_factory=dict)
    """Where prompts are processed by those of its `routes` that lead out of its own endpoints."""
    processing_domain: str | None = None
    """The domain of those endpoints, where it is not `own_domain`."""
    fixes: Mapping[FailureKind, str] = field(default_factory=dict)
    """What an operator does about a failure, where it is not what all providers have in common."""
    stage_fixes: Mapping[FailureKind, str] = field(default_factory=dict)
    """The same, of a deployed stage."""
    telemetry_name: str | None = None
    """OpenTelemetry's name of it (`gen_ai.provider.name`); None: LiteLLM's."""
    simulator: Simulator | None = None
    """None: not simulated."""


def merged(base: Profile, override: Override) -> Profile:
    """Merge what differs into a profile.

    Args:
        base: The profile of the provider.
        override: What differs; its fields that are None change nothing.

    Returns:
        The merged profile; `base` itself where nothing differs.
    """
    changes: dict[str, Any] = {
        name: value
        for name in ("dialect", "finish_reasons", "claude")
        if (value := getattr(override, name)) is not None
    }
    return replace(base, **changes) if changes else base
