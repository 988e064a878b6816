"""How much a model thinks, in the words of its API, and what cannot stand beside it.

Sources: Anthropic "Extended thinking" (budgets of at least 1,024 tokens and below `max_tokens`; no temperature, no
`top_k`, no forced tool; "Preserving thinking blocks" in a tool loop), "Adaptive thinking" and "Effort" (since Claude
4.6); Amazon Nova 2 "Extended thinking" (`maxReasoningEffort` of low, medium or high; beside high no limit of tokens,
temperature or `topP`); for the budget of an effort LiteLLM 1.106.2's `DEFAULT_REASONING_EFFORT_*`. LiteLLM would
translate, clamp and leave out the same for Claude without a word; to Nova it would send what Nova refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..types import Deployment, Message
from .report import Report

LEAST_BUDGET = 1024
BUDGETS: Mapping[str, int] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 2048,
    "high": 4096,
    "xhigh": 8192,
    "max": 16384,
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
_NOVAS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
BEFORE_ADAPTIVE = re.compile(r"claude-(?:instant|v?2|3|4-|(?:sonnet|opus|haiku)-4(?!-[6-9](?!\d)))")
"""Claude before its 4.6 generation."""


def fit_thinking(deployment: Deployment, params: dict[str, Any], messages: list[Message], report: Report) -> None:
    """Changes `params`, and leaves thoughts out of `messages` that cannot go on."""
    if not params.keys() & {"thinking", "reasoning_effort"}:
        return
    if not deployment.profile.claude:
        _fit_nova(deployment, params, report)
        return
    if "thinking" in params and "reasoning_effort" in params:
        _drop(params, report, "reasoning_effort")
    if BEFORE_ADAPTIVE.search(deployment.model):
        _as_budget(params, report)
    else:
        _as_effort(deployment, params, report)
    if not _thinks(params):
        return
    if params.get("tool_choice", "auto") not in ("auto", "none") or _loop_lacks_thought(params, messages):
        _drop(params, report, "thinking", "reasoning_effort")
        _forget(messages, report)
        return
    _fit_beside(deployment, params, report)


def _thinks(params: Mapping[str, Any]) -> bool:
    kind = (params.get("thinking") or {}).get("type")
    return kind in ("enabled", "adaptive") or params.get("reasoning_effort") is not None


def _fit_nova(deployment: Deployment, params: dict[str, Any], report: Report) -> None:
    effort = params.get("reasoning_effort")
    if effort is None or "nova-2" not in deployment.model:
        return
    if effort not in _NOVAS:
        _drop(params, report, "reasoning_effort")
        return
    fitting = _NOVAS[effort]
    if fitting == "high" and _most_tokens(params) is not None:
        fitting = "medium"  # the caller's limit holds, which a high effort cannot have beside it
    if fitting == "high":
        _drop(params, report, "temperature", "top_p")
    if fitting != effort:
        params["reasoning_effort"] = fitting
        report.say(f"reasoning_effort sent as {fitting}")


def _as_budget(params: dict[str, Any], report: Report) -> None:
    """For models that think up to a number of tokens."""
    given = params.get("thinking")
    effort = params.pop("reasoning_effort", None)
    adaptive = isinstance(given, Mapping) and given.get("type") == "adaptive"
    if effort is None and not adaptive:
        _fit_budget(params, report)
        return
    budget = BUDGETS.get("medium" if adaptive else effort)
    most = _most_tokens(params)
    name = "thinking" if adaptive else "reasoning_effort"
    if budget is None or (most is not None and most <= LEAST_BUDGET):
        params.pop("thinking", None)
        report.say(f"{name} dropped")
        return
    budget = budget if most is None else min(budget, most - 1)
    params["thinking"] = {"type": "enabled", "budget_tokens": budget}
    report.say(f"{name} sent as thinking of {budget} tokens")


def _fit_budget(params: dict[str, Any], report: Report) -> None:
    given = params.get("thinking")
    budget = given.get("budget_tokens") if isinstance(given, Mapping) else None
    if given is None or given.get("type") != "enabled" or type(budget) is not int:
        return
    most = _most_tokens(params)
    if most is not None and most <= LEAST_BUDGET:
        _drop(params, report, "thinking")
        return
    fitting = max(LEAST_BUDGET, budget if most is None else min(budget, most - 1))
    if fitting != budget:
        params["thinking"] = {**given, "budget_tokens": fitting}
        report.say(f"thinking budget_tokens {'raised' if fitting > budget else 'clamped'} to {fitting}")


def _as_effort(deployment: Deployment, params: dict[str, Any], report: Report) -> None:
    """For models that think as much as they find right."""
    effort = params.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        if effort == "minimal":
            params["reasoning_effort"] = "low"
            report.say("reasoning_effort sent as low")
        else:
            _drop(params, report, "reasoning_effort")
    elif effort == "xhigh" and deployment.info.sampling is not False:
        # Since Claude 4.7, the generation that takes no temperature.
        params["reasoning_effort"] = "high"
        report.say("reasoning_effort sent as high")
    given = params.get("thinking")
    if isinstance(given, Mapping) and given.get("type") == "enabled" and deployment.info.sampling is False:
        report.say("thinking budget_tokens sent as effort")
    else:
        _fit_budget(params, report)


def _fit_beside(deployment: Deployment, params: dict[str, Any], report: Report) -> None:
    """What a model that thinks does not take, and how long its answer may be at most."""
    if params.get("temperature", 1) != 1:
        _drop(params, report, "temperature")
    _drop(params, report, "top_k")
    if params.get("top_p", 1) < 0.95:
        _drop(params, report, "top_p")
    if _most_tokens(params) is None and deployment.info.max_output_tokens is not None:
        params["max_tokens"] = deployment.info.max_output_tokens


def _most_tokens(params: Mapping[str, Any]) -> int | None:
    return min((params[name] for name in ("max_tokens", "max_completion_tokens") if params.get(name)), default=None)


def _loop_lacks_thought(params: Mapping[str, Any], messages: Sequence[Message]) -> bool:
    """With a budget, what an assistant did last before results must begin with its thought."""
    if (params.get("thinking") or {}).get("type") != "enabled" or messages[-1]["role"] not in ("tool", "user"):
        return False
    calling = next((message for message in reversed(messages) if message["role"] == "assistant"), None)
    return calling is not None and bool(calling.get("tool_calls")) and not calling.get("thinking_blocks")


def _forget(messages: list[Message], report: Report) -> None:
    """Without thinking an assistant's turn that is going on may hold no thought."""
    for index, message in enumerate(messages):
        if "thinking_blocks" in message:
            messages[index] = {name: value for name, value in message.items() if name != "thinking_blocks"}
            report.say("thinking blocks dropped")


def _drop(params: dict[str, Any], report: Report, *names: str) -> None:
    for name in names:
        if params.pop(name, None) is not None:
            report.say(f"{name} dropped")
