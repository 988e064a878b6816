"""Which requests the cache has nothing to do with, and which answers it does not keep, each with its reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...adaptation import EMBEDDINGS
from ...mapping import CacheRules
from ...types import ChatRequest, ChatResult
from ...verdicts import Outcome
from ..protocol import Choices

CALLS = ("tool_calls", "function_call")


def bypassed(request: ChatRequest) -> str | None:
    """Why no answer to this request can be given again; None: it can."""
    native = request.native
    if native is not None and native.only and native.format != EMBEDDINGS:
        return f"{native.only[0]} asks the provider for more than an answer"
    asked = {
        "store": request.params.get("store") or None,
        "web_search_options": request.params.get("web_search_options"),
    }
    return next(
        (f"{name} asks the provider for more than an answer" for name, v in asked.items() if v is not None), None
    )


def unfit(request: ChatRequest, result: ChatResult, choices: Choices, rules: CacheRules) -> str | None:
    """Why this answer is not kept; None: it is complete, and the provider's own."""
    return next(_faults(request, result, choices, rules), None)


def _faults(request: ChatRequest, result: ChatResult, choices: Choices, rules: CacheRules) -> Iterator[str]:
    attempts, record = result.ledger.attempts, result.ledger.guardrail
    if not attempts:
        yield "no provider gave it"
    if record is not None and record.output is not Outcome.PASSED:
        yield "the guardrail changed it, or did not check it"
    if record is not None and record.input not in (Outcome.PASSED, Outcome.MASKED):
        yield "the guardrail did not check its request"
    if len(result.responders) > 1 or any(attempt.resumed for attempt in attempts):
        yield "it broke off and was continued"
    if result.fallback and not rules.fallbacks:
        yield "it came from a fallback"
    if len(choices) < (request.params.get("n") or 1):
        yield "it has fewer choices than were asked for"
    for choice in choices:
        message = choice["message"]
        if any(message.get(name) for name in CALLS):
            yield "it calls a tool"
        if choice.get("finish_reason") != "stop" or message.get("refusal"):
            yield "it is cut off or filtered"
        if message.get("audio"):
            yield "it has sound, which its provider keeps for a while"
