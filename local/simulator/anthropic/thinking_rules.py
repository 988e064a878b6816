"""What Claude refuses beside thinking and of effort, at Anthropic and on Bedrock."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.simulator.catalogue import Model


@dataclass(frozen=True)
class Thinking:
    """The fields of a request that have to agree."""

    kind: str | None
    """`thinking.type`; None: there is none."""
    budget: int | None
    effort: str | None
    temperature: float | None
    top_k: int | None
    max_tokens: int | None
    forced: bool
    """A tool has to be called."""


def objection_to(asked: Thinking, model: Model) -> str | None:
    return next(_objections(asked, model), None)


def _objections(asked: Thinking, model: Model) -> Iterator[str]:
    # Sources: "Supported models" of the docs "Effort" and "Adaptive thinking" (platform.claude.com/docs);
    # `supports_output_config` and `supports_adaptive_thinking` of LiteLLM's price map.
    if asked.effort and not model.effort:
        yield "This model does not support the effort parameter."
    if asked.kind == "adaptive" and not model.effort:
        yield "adaptive thinking is not supported on this model"
    if asked.kind not in {"enabled", "adaptive"}:
        return
    # Source: docs "Extended thinking: Feature compatibility": no temperature, no top_k, no forced tool use.
    if asked.temperature not in {None, 1}:
        yield "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
    if asked.top_k is not None:
        yield "`top_k` must be unset when thinking is enabled or in adaptive mode."
    if asked.kind == "enabled":
        yield from _objections_to_budget(asked)


def _objections_to_budget(asked: Thinking) -> Iterator[str]:
    if asked.budget is None:
        yield "thinking.enabled.budget_tokens: Field required"
    elif asked.budget < 1024:
        yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    elif asked.max_tokens is not None and asked.budget >= asked.max_tokens:
        yield (
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
            "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
        )
    if asked.forced:
        yield "Thinking may not be enabled when tool_choice forces tool use."
