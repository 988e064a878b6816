"""`AIAssistant`: a question in, who answered and what out."""

from __future__ import annotations

import functools

from .bootstrap import build_router
from .routing.request import as_request, parse_ask, prompt_fields
from .routing.router import Router
from .routing.types import Prompt


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

    Raises InvalidRequestError, which names the argument that is wrong, before anything is sent; UnknownModelError,
    which lists the known names; and other RouterErrors. Each tells what was attempted.
    Works from plain scripts, from threads and beside a running event loop, whose thread it blocks: in async code
    prefer `await router.complete(request)`.
    """
    given = {
        "question": question,
        "system_prompt": system_prompt,
        "primary_model": primary_model,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "timeout": timeout,
        "prompt": None if prompt is None else prompt_fields(prompt),
    }
    asked = parse_ask(given)
    router = shared_router()
    result = router.complete_sync(as_request(asked, next(iter(router.config.chains))))
    return result.provider, result.text
