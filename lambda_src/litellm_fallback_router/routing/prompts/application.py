"""Takes up a request's managed prompt, out of the request's own time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..errors import DeadlineExceededError, InvalidRequestError
from ..mapping import RouterConfig
from ..ports import Prompts
from ..types import ChatRequest, Prompt
from .template import prompted


async def apply_prompt(
    request: ChatRequest, prompt: Prompt, config: RouterConfig, prompts: Prompts | None
) -> ChatRequest:
    """The request as it is planned and asked: messages, parameters and model; with the time that is left.

    Raises InvalidRequestError for a prompt, version or variable that is not there, UnavailableError where the prompt
    cannot be read, DeadlineExceededError.
    """
    if config.prompts is None or prompts is None:
        text = "this gateway has no managed prompts; its operator names them under 'prompts' in the mapping"
        raise InvalidRequestError(text, param="prompt")
    identifier, version = config.prompts.find(prompt)
    clock = asyncio.get_running_loop().time
    limits = [request.timeout, request.time_left, config.settings.deadline]
    began, budget = clock(), min(limit for limit in limits if limit is not None)
    try:
        async with asyncio.timeout(budget):
            template = await prompts.get(identifier, version)
    except TimeoutError as error:
        raise DeadlineExceededError(f"the time ran out while prompt {identifier!r} was being read") from error
    spent = clock() - began
    timed = replace(
        request,
        timeout=max(budget - spent, 0.0),
        time_left=None if request.time_left is None else max(request.time_left - spent, 0.0),
    )
    return prompted(timed, prompt, template, config)
