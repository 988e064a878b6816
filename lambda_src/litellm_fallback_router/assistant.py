"""`AIAssistant`: a question in, who answered and what out."""

from __future__ import annotations

import functools

from .bootstrap import build_router
from .routing.errors import UnavailableError
from .routing.request import as_request, parse_ask, prompt_fields
from .routing.router import Router
from .routing.types import Prompt

WITHOUT_KEYS = (
    "to try it without any key, run `fallback-router serve --simulate` and set ROUTER_SIMULATOR_URL to the address of "
    "the simulator, which it prints"
)


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
    """Ask one question and wait for the answer of the fallback chain.

    Works from plain scripts, from threads and beside a running event loop, whose thread it blocks: in async code
    prefer `await router.complete(request)`.

    Args:
        question: What to ask. Needed unless there is a `prompt`.
        system_prompt: Instructions that come before the question.
        primary_model: A model name or strategy of the mapping, or a provider's own name of a model. By default the
            model that `prompt` names, else the mapping's first.
        temperature: 0 (most predictable) to 2.
        max_tokens: Longest answer, in tokens.
        timeout: Seconds for the whole chain.
        prompt: A managed prompt that comes before the question or takes its place.

    Returns:
        `(provider, response)`, such as `("openai:gpt-4o", "Paris is the capital of France.")`.

    Raises:
        InvalidRequestError: An argument is wrong; the error names it. Nothing was sent.
        UnknownModelError: `primary_model` is unknown; the error lists the known names.
        UnavailableError: No deployment of the chain has a key, or none can be asked now.
        ConfigurationError: The mapping or an environment variable is wrong.
        RouterError: Any other failure of the whole chain. Its `ledger` lists the attempts.
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
    try:
        result = router.complete_sync(as_request(asked, router.config.first_chat))
    except UnavailableError as error:
        if any(drop.code != "no_key" for drop in error.ledger.dropped):
            raise
        raise UnavailableError(f"{error}; {WITHOUT_KEYS}", ledger=error.ledger) from None
    return result.provider, result.text
