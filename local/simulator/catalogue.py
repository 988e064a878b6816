"""The models that exist, with the limits the providers publish for them (as in LiteLLM's price map)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A model as one provider offers it."""

    name: str
    """The model's name in a request."""
    context_window: int = 128_000
    """Tokens of prompt it takes."""
    max_output: int = 16_384
    """Tokens it writes at most."""
    reports_as: str = ""
    """The dated name the provider puts into its answers; its own name when empty."""
    prefill: bool = False
    """Continues a conversation that ends with assistant text."""
    reasoning: bool = False
    """OpenAI: takes `reasoning_effort`."""
    efforts: tuple[str, ...] = ()
    """OpenAI: the efforts that it takes; empty: any, and whatever stands beside it."""
    max_tokens: bool = True
    """OpenAI: takes `max_tokens`; reasoning models want `max_completion_tokens` instead."""
    images: bool = True
    sampling: bool = True
    """Takes temperature, top_p and top_k; Claude stopped to with its 4.7 generation."""
    effort: bool = True
    """Claude: takes an effort, and thinks as much as it finds right (`adaptive`); since its 4.6 generation."""
    mid_system: bool = False
    """Claude: takes instructions among the messages."""
    structured: bool = True
    """Bedrock: takes an `outputConfig`."""
    caching: bool = True
    """Bedrock: takes cache points in messages and instructions."""
    stream_tools: bool = True
    """Bedrock: takes tools where the answer is streamed."""
    tool_choice: bool = True
    """Bedrock: can be made to call a tool."""
    mixed_turns: bool = True
    """Bedrock: takes words beside results of tools."""

    @property
    def reported(self) -> str:
        return self.reports_as or self.name


_GPT_5_4 = ("none", "low", "medium", "high", "xhigh")
"""Source: getzep/graphiti pull request 1395, tried with gpt-5.4-mini."""
_OPENAI = (
    Model("gpt-4o", reports_as="gpt-4o-2024-08-06"),
    Model("gpt-4o-2024-08-06"),
    Model("gpt-4o-2024-11-20"),
    Model("gpt-4o-mini", reports_as="gpt-4o-mini-2024-07-18"),
    Model("gpt-4o-mini-2024-07-18"),
    Model("gpt-5.4", 1_050_000, 128_000, reasoning=True, efforts=_GPT_5_4, max_tokens=False),
    Model(
        "gpt-5.4-mini",
        272_000,
        128_000,
        "gpt-5.4-mini-2026-03-17",
        reasoning=True,
        efforts=_GPT_5_4,
        max_tokens=False,
    ),
    Model("gpt-5.4-mini-2026-03-17", 272_000, 128_000, reasoning=True, efforts=_GPT_5_4, max_tokens=False),
)
_ANTHROPIC = (
    Model("claude-sonnet-4-6", 1_000_000, 128_000),
    Model("claude-opus-5-5", 1_000_000, 128_000, sampling=False, mid_system=True),
    Model("claude-sonnet-5-5", 1_000_000, 128_000, sampling=False, mid_system=True),
    Model("claude-haiku-4-5", 200_000, 64_000, reports_as="claude-haiku-4-5-20251001", prefill=True, effort=False),
    Model("claude-haiku-4-5-20251001", 200_000, 64_000, prefill=True, effort=False),
    Model("claude-haiku-5-5", 1_000_000, 128_000, sampling=False, mid_system=True),
)
# The names below are inference profiles: the part before the first dot is the geography whose Regions may call them.
_BEDROCK = (
    *(Model(f"{scope}.anthropic.claude-sonnet-4-6", 1_000_000, 64_000) for scope in ("us", "eu", "global")),
    *(
        Model(f"{scope}.anthropic.claude-haiku-4-5-20251001-v1:0", 200_000, 64_000, prefill=True, effort=False)
        for scope in ("us", "eu", "global")
    ),
    *(
        Model(f"{scope}.amazon.nova-2-lite-v1:0", 1_000_000, 64_000, structured=False)
        for scope in ("us", "eu", "global")
    ),
    Model(
        "us.meta.llama3-3-70b-instruct-v1:0",
        128_000,
        4_096,
        images=False,
        structured=False,
        caching=False,
        stream_tools=False,
        tool_choice=False,
        mixed_turns=False,
    ),
)
_BY_PROVIDER: dict[str, dict[str, Model]] = {
    "openai": {model.name: model for model in _OPENAI},
    "anthropic": {model.name: model for model in _ANTHROPIC},
    "bedrock": {model.name: model for model in _BEDROCK},
}
RETIRED_ON_BEDROCK = frozenset(
    f"{scope}anthropic.claude-3-5-{name}"
    for scope in ("", "us.", "eu.")
    for name in ("sonnet-20240620-v1:0", "sonnet-20241022-v2:0", "haiku-20241022-v1:0")
)


def find_model(provider: str, name: str) -> Model | None:
    """The model, or None when the provider does not have it.

    Any name that begins `sim-` exists everywhere; one that begins `sim-tiny` has a window of 1,000 tokens.
    """
    if name.startswith("sim-"):
        return Model(name, context_window=1_000 if name.startswith("sim-tiny") else 128_000, reasoning=True)
    return _BY_PROVIDER[provider].get(name)


def models_of(provider: str) -> list[Model]:
    return list(_BY_PROVIDER[provider].values())


def reachable_from(profile: str, region: str) -> bool:
    """Whether a Bedrock inference profile may be called in a Region (`us.` profiles in `us-*`, ...)."""
    scope = profile.partition(".")[0]
    return scope not in {"us", "eu"} or region.startswith(f"{scope}-")
