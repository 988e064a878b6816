"""What one Claude model takes that another does not: a body made for the first is sent to the second when it falls
back. The rules are those for chats, in `parameters` and `thinking`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...types import Deployment
from ..parameters import fit_sampling
from ..report import Report, UnfitError
from ..thinking import BEFORE_ADAPTIVE, fit_thinking

SAMPLING = ("temperature", "top_p", "top_k")
SHAPED = (*SAMPLING, "thinking", "max_tokens")
"""Fields that a chat has by the same names."""
_HAS_EFFORT = re.compile(r"opus-4-5")
"""Before adaptive thinking. Source: Anthropic, "Effort"."""
_NEVER_SAID: list[Any] = [{"role": "system", "content": ""}]
_EFFORT = "output_config.effort"


def fit_model(deployment: Deployment, body: dict[str, Any], report: Report) -> None:
    """Changes `body`. Raises UnfitError where the model cannot be sent it."""
    _check_prefill(deployment, body)
    for line in fit_sampling(deployment, body):
        report.say(line)
    effort = (body.get("output_config") or {}).get("effort")
    if "thinking" not in body and effort is None:
        return
    params = {name: body[name] for name in SHAPED if name in body}
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        params["tool_choice"] = "required"
    before_adaptive = BEFORE_ADAPTIVE.search(deployment.model) is not None
    if effort is not None and before_adaptive and _HAS_EFFORT.search(deployment.model) is None:
        _without_effort(body)
        if "thinking" in params:
            report.say(f"{_EFFORT} dropped")
        else:
            params["reasoning_effort"] = effort
    elif effort is not None:
        _fit_effort(deployment, body, effort, report)
    _take_back(body, params, _fitted(deployment, params, report), report)


def _check_prefill(deployment: Deployment, body: Mapping[str, Any]) -> None:
    """A credit for a refused answer allows for its continuation where the model has none else. Source: Anthropic's
    SDK, `fallback_credit_token`."""
    last = body["messages"][-1] if body["messages"] else {}
    if deployment.info.prefill is False and last.get("role") == "assistant" and "fallback_credit_token" not in body:
        raise UnfitError("content", "does not continue an assistant's message: the last one must be the user's")


def _fitted(deployment: Deployment, params: Mapping[str, Any], report: Report) -> dict[str, Any]:
    fitted, said = dict(params), Report()
    fit_thinking(deployment, fitted, list(_NEVER_SAID), said)
    given = fitted.get("thinking") or {}
    if given.get("type") == "enabled" and deployment.info.sampling is False:
        fitted["thinking"] = {name: value for name, value in given.items() if name != "budget_tokens"}
        fitted["thinking"]["type"] = "adaptive"
    report.say_all(line.replace("reasoning_effort", _EFFORT) for line in said.lines)
    return fitted


def _take_back(body: dict[str, Any], given: Mapping[str, Any], fitted: Mapping[str, Any], report: Report) -> None:
    for name in SHAPED:
        if name in fitted:
            body[name] = fitted[name]
        elif name in given:
            del body[name]
    if "thinking" in given and "thinking" not in fitted and body.pop("context_management", None) is not None:
        # Thoughts can be cleared only where there is thinking. Source: Anthropic, "Context editing".
        report.say("context_management dropped")


def _fit_effort(deployment: Deployment, body: dict[str, Any], effort: Any, report: Report) -> None:
    fitted = _fitted(deployment, {"reasoning_effort": effort}, report).get("reasoning_effort")
    _without_effort(body)
    if fitted is not None:
        body["output_config"] = {**body.get("output_config", {}), "effort": fitted}


def _without_effort(body: dict[str, Any]) -> None:
    config = {name: value for name, value in body["output_config"].items() if name != "effort"}
    if config:
        body["output_config"] = config
    else:
        del body["output_config"]
