"""`AIAssistant`: a question in, who answered and what out."""

from __future__ import annotations

import functools
from typing import Any

from .bootstrap import build_router
from .routing.prompts import OWN_MODEL
from .routing.router import Router
from .routing.types import ChatRequest, Message, Prompt


@functools.cache
def shared_router() -> Router:
    """The process's Router: made once, from the environment."""
    return build_router()


def AIAssistant(
    question: str | None = None,
    system_prompt: str | None = None,
    primary_model: str | None = None,
    *,
    temperature: float | None = None,
    max_tokens: int | None = None,
    timeout: float | None = None,
    prompt: Prompt | None = None,
) -> tuple[str, str]:
    """Ask once; the chain behind `primary_model` answers.

    `primary_model` is a model name or strategy of the mapping; where none is given, the model that `prompt` names, or
    the mapping's first. `timeout` is in seconds and covers the whole chain. `prompt` is a managed prompt that comes
    before the question or takes its place. Gives `(provider, response)`, e.g. `("openai:gpt-4o", "Paris ...")`.

    Raises UnknownModelError, which lists the known names, and other RouterErrors; each tells what was attempted.
    Works from plain scripts, from threads and beside a running event loop, whose thread it blocks: in async code
    prefer `await router.complete(request)`.
    """
    if question is None and prompt is None:
        raise TypeError("AIAssistant needs a question, a prompt or both")
    router = shared_router()
    messages: list[Message] = [] if question is None else [{"role": "user", "content": question}]
    if system_prompt is not None:
        messages.insert(0, {"role": "system", "content": system_prompt})
    wishes: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
    request = ChatRequest(
        model=primary_model or (OWN_MODEL if prompt else next(iter(router.config.chains))),
        messages=messages,
        params={name: value for name, value in wishes.items() if value is not None},
        timeout=timeout,
        prompt=prompt,
    )
    result = router.complete_sync(request)
    return result.provider, result.text
