"""Makes a request fit for one deployment, before any library sees it: what its API has no place for is renamed,
merged or dropped and said, or the deployment is passed over. Nothing is made up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .cache_marks import within_limit
from .call_ids import with_fitting_ids
from .contents import Contents
from .dialects import dialect_of
from .json_mode import with_json_mode
from .one_call import with_one_call
from .postprocess import Adapted
from .report import Report
from .thinking import fit_thinking
from .tool_fit import ToolFit
from .tool_names import with_fitting_names
from .turns import fitted_turns
from .types import ChatRequest, Deployment, Message
from .wishes import adjust_messages, adjust_params


def adapt(deployment: Deployment, request: ChatRequest, contents: Contents) -> Adapted:
    """Raises UnfitError where the deployment cannot be sent the request."""
    params, adjusted = adjust_params(deployment, request.params, contents)
    if dialect_of(deployment).turns:
        report = Report(adjusted)
        messages = _in_turns(deployment, request, params, contents, report)
        _fit_schemas(deployment, params, report)
        fit_thinking(deployment, params, messages, report)
        if "cache_control" in contents.marks or any("cache_control" in tool for tool in params.get("tools") or ()):
            within_limit(params.get("tools") or [], messages, report)
        adjusted = report.lines
    else:
        messages, more = adjust_messages(deployment, list(request.messages), contents)
        adjusted += more
        if "calls" in contents.marks and (fits := dialect_of(deployment).call_id) is not None:
            report = Report(adjusted)
            messages = list(with_fitting_ids(messages, fits, report, unique=False))
            adjusted = report.lines
    adapted = Adapted(messages, params, adjusted)
    if "response_format" in params:
        adapted = with_json_mode(deployment, adapted)
    if "parallel_tool_calls" in params:
        adapted = with_one_call(deployment, adapted)
    if "tools" in params or "functions" in params or contents.marks & {"calls", "functions"}:
        adapted = with_fitting_names(deployment, adapted)
    return adapted


def _in_turns(
    deployment: Deployment, request: ChatRequest, params: dict[str, Any], contents: Contents, report: Report
) -> list[Message]:
    called = "calls" in contents.marks
    if called and not params.get("tools") and dialect_of(deployment).no_choice:
        # Anthropic refuses calls and results without tools; these are known by name, and none may be called.
        params |= {"tools": [_named_tool(name) for name in _called(request.messages)], "tool_choice": "none"}
        report.say("tools of earlier calls named, none to be called")
    as_text = called and not params.get("tools")
    return fitted_turns(deployment, request.messages, report, calls_as_text=as_text)


def _called(messages: Iterable[Message]) -> list[str]:
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return list(dict.fromkeys(call["function"]["name"] for call in calls))


def _named_tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def _fit_schemas(deployment: Deployment, params: dict[str, Any], report: Report) -> None:
    fit = ToolFit(deployment, report)
    if tools := params.get("tools"):
        params["tools"] = [fit.tool(tool) for tool in tools]
    wanted = params.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        params["response_format"] = fit.format(wanted, beside_tools=bool(tools))
