"""Reads a request's managed prompt within the request's deadline and puts it before the messages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ...errors import DeadlineExceededError, InvalidRequestError
from ...mapping import RouterConfig
from ...ports import Prompts
from ...types import ChatRequest, Prompt
from ..protocol import Exchange, Interceptor
from .template import prompted


class PromptInterceptor(Interceptor):
    """Replaces the request before it is planned: a prompt may name the model."""

    before_plan = True

    def __init__(self, prompt: Prompt, config: RouterConfig, prompts: Prompts | None) -> None:
        self._prompt, self._config, self._prompts = prompt, config, prompts

    async def before(self, exchange: Exchange) -> None:
        await exchange.replace(await apply_prompt(exchange.request, self._prompt, self._config, self._prompts))


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
    timed = replace(request, timeout=budget).after(clock() - began)
    return prompted(timed, prompt, template, config)
