"""Makes a request fit for one deployment, before any library sees it: what its API has no place for is renamed,
merged or dropped and reported, or the deployment is passed over. Nothing is made up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..request import MessageFeatures
from ..types import ChatRequest, Deployment, Message
from .cache_marks import fit_marks
from .call_ids import with_fitting_ids
from .custom_tools import with_functions
from .json_mode import with_json_mode
from .native import fitted_native, speaks, untranslatable
from .one_call import with_one_call
from .parameters import adjust_messages, adjust_params
from .postprocess import Adapted
from .report import Report, UnfitError
from .thinking import fit_thinking
from .tool_names import with_fitting_names
from .tools import ToolFit
from .turns import fitted_turns


class Conversation:
    """One request's messages for APIs that have turns: made once for all deployments that take them alike."""

    def __init__(self, messages: Sequence[Message], features: MessageFeatures) -> None:
        self._messages = messages
        self._shared = "cache_control" not in features.marks
        """Marks depend on the model, and are taken off again where there are too many."""
        self._made: dict[tuple[Any, ...], tuple[list[Message], tuple[str, ...]]] = {}

    def fitted(self, deployment: Deployment, report: Report, *, calls_as_text: bool) -> list[Message]:
        """Raises UnfitError where the deployment cannot be sent them."""
        alike = (id(deployment.profile.dialect), deployment.provider, deployment.info.prefill, calls_as_text)
        if not self._shared or alike not in self._made:
            said = Report()
            messages = fitted_turns(deployment, self._messages, said, calls_as_text=calls_as_text)
            self._made[alike] = messages, said.lines
        messages, lines = self._made[alike]
        report.say_all(lines)
        return list(messages)


def adapt(
    deployment: Deployment, request: ChatRequest, features: MessageFeatures, conversation: Conversation | None = None
) -> Adapted:
    """Raises UnfitError where the deployment cannot be sent the request. `conversation`: its messages, shared."""
    if request.native is not None:
        if speaks(deployment, request.native):
            report = Report()
            native = fitted_native(deployment, request.native, report)
            return Adapted(list(request.messages), request.params, report.lines, native=native)
        if request.native.only:
            raise untranslatable(request.native)
    functions = with_functions(deployment, request, features)
    if functions is not None:
        request, conversation = functions.request, None
    params, adjusted = adjust_params(deployment, request.params)
    adjusted = (*request.adjusted, *(functions.adjusted if functions else ()), *adjusted)
    if deployment.profile.dialect.turns:
        report = Report(adjusted)
        conversation = conversation or Conversation(request.messages, features)
        as_text = _calls_as_text(deployment, request, params, features, report)
        messages = conversation.fitted(deployment, report, calls_as_text=as_text)
        _fit_schemas(deployment, params, report)
        fit_thinking(deployment, params, messages, report)
        if "cache_control" in features.marks or any("cache_control" in tool for tool in params.get("tools") or ()):
            fit_marks(params.get("tools") or [], messages, report)
        adjusted = report.lines
    else:
        messages, more = adjust_messages(deployment, list(request.messages), features)
        adjusted += more
        if "calls" in features.marks and (fits := deployment.profile.dialect.call_id) is not None:
            report = Report(adjusted)
            messages = list(with_fitting_ids(messages, fits, report, unique=False))
            adjusted = report.lines
    adapted = Adapted(messages, params, adjusted, (functions.restored,) if functions else ())
    if "response_format" in params:
        adapted = with_json_mode(deployment, adapted)
    if "parallel_tool_calls" in params:
        adapted = with_one_call(deployment, adapted)
    if "tools" in params or "functions" in params or features.marks & {"calls", "functions"}:
        adapted = with_fitting_names(deployment, adapted)
    return adapted


def _calls_as_text(
    deployment: Deployment, request: ChatRequest, params: dict[str, Any], features: MessageFeatures, report: Report
) -> bool:
    """Whether there is no place for earlier calls of tools; `params` name their tools where that makes one."""
    called = "calls" in features.marks
    if called and not params.get("tools") and deployment.profile.dialect.no_choice:
        # Anthropic refuses calls and results without tools; these are known by name, and none may be called.
        params |= {"tools": [_named_tool(name) for name in _called(request.messages)], "tool_choice": "none"}
        report.say("tools of earlier calls named, none to be called")
    return called and not params.get("tools")


def _called(messages: Iterable[Message]) -> list[str]:
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return list(dict.fromkeys(call["function"]["name"] for call in calls))


def _named_tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def _fit_schemas(deployment: Deployment, params: dict[str, Any], report: Report) -> None:
    fit = ToolFit(deployment, report)
    if tools := params.get("tools"):
        names = {tool["function"]["name"] for tool in tools}
        if len(names) < len(tools) and deployment.profile.claude:
            # Anthropic: "tools: Tool names must be unique" (anthropics/claude-code issue 10687).
            raise UnfitError("tools", "takes no two tools of one name")
        params["tools"] = [fit.tool(tool) for tool in tools]
    wanted = params.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        params["response_format"] = fit.format(wanted, beside_tools=bool(tools))
