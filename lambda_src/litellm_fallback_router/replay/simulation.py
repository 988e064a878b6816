"""Runs requests again, with the real planner and the real execution, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..routing.adaptation import EMBEDDINGS
from ..routing.callers import Priority
from ..routing.errors import RouterError
from ..routing.execution import ChainExecution, ExecutionDependencies, health_for_plan
from ..routing.ledger import Ledger
from ..routing.mapping import RouterConfig
from ..routing.plan import plan
from ..routing.types import ChatRequest, NativeRequest, RoutingConstraints
from .behaviour import Behaviours, ReplayProvider
from .recorded import Request
from .virtual_time import run_virtually

MOST_CHARACTERS = 20_000
"""Of a prompt that stands for one that is not known."""
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "properties": {}}}}
_PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended."""

    at: float
    """Unix seconds."""
    answered: bool
    seconds: float
    first_token_seconds: float | None
    """From the request's start; None: whole, or no token came."""
    cost_usd: float
    wasted_usd: float
    attempts: int
    fallback: bool


def replayed(
    config: RouterConfig, requests: Sequence[Request], dependencies: Callable[[], ExecutionDependencies], seed: int = 0
) -> tuple[list[Outcome], set[str]]:
    """Run requests under a mapping. The same log, mapping and seed give the same outcomes.

    Args:
        config: The mapping.
        requests: Of the log, in the order in which they came.
        dependencies: Makes the state that they share, on the event loop's clock; called on it.
        seed: Of what is drawn: backoffs, and the spread over a group.

    Returns:
        The outcomes in the order of the requests, and the deployments that the log does not know.
    """
    behaviours = Behaviours(requests)

    async def everything() -> list[Outcome]:
        shared, offset = dependencies(), requests[0].at if requests else 0.0
        loop = asyncio.get_running_loop()
        tasks = []
        for one in requests:
            await asyncio.sleep(max(0.0, one.at - offset - loop.time()))
            own = replace(
                shared,
                provider=ReplayProvider(one, behaviours, offset),
                # One for each request: which of two at the same moment draws first must not matter.
                rng=random.Random(f"{seed}:{one.id}"),  # noqa: S311 - guards nothing
            )
            tasks.append(asyncio.create_task(_one(one, config, own)))
        return await asyncio.gather(*tasks)

    return run_virtually(everything()), behaviours.assumed


async def _one(recorded: Request, config: RouterConfig, dependencies: ExecutionDependencies) -> Outcome:
    began = asyncio.get_running_loop().time()
    try:
        name = config.resolve(recorded.model)
        request = _chat(recorded)
        chain, priority = config.chain(name), Priority.INTERACTIVE
        health = await health_for_plan(chain, dependencies, config.settings, priority, streamed=recorded.streamed)
        decided = plan(request, config, health, dependencies.rng)
        execution = ChainExecution(request, decided, config.settings, dependencies, streamed=recorded.streamed)
        if recorded.streamed:
            async for _ in execution.chunks():
                pass
        else:
            await execution.answer()
    except RouterError as error:
        return _outcome(recorded, error.ledger, asyncio.get_running_loop().time() - began, answered=False)
    fallback = any(execution.fell_back(one) for one in execution.responders)
    seconds = asyncio.get_running_loop().time() - began
    return _outcome(recorded, execution.ledger, seconds, answered=True, fallback=fallback)


def _outcome(recorded: Request, ledger: Ledger, seconds: float, *, answered: bool, fallback: bool = False) -> Outcome:
    firsts = [a.started + a.first_token_seconds for a in ledger.attempts if a.first_token_seconds is not None]
    return Outcome(
        recorded.at,
        answered,
        seconds,
        min(firsts) if firsts and recorded.streamed else None,
        ledger.cost_usd or 0.0,
        ledger.wasted_usd,
        len(ledger.attempts),
        fallback,
    )


def _chat(recorded: Request) -> ChatRequest:
    """A request that needs what that one needed."""
    text = "x" * min(4 * recorded.prompt_tokens, MOST_CHARACTERS)
    content: Any = text or "x"
    native = NativeRequest(EMBEDDINGS, {"input": content}) if EMBEDDINGS in recorded.needs else None
    if "images" in recorded.needs:
        content = [{"type": "text", "text": content}, {"type": "image_url", "image_url": {"url": _PIXEL}}]
    params: dict[str, Any] = {} if recorded.max_tokens is None else {"max_tokens": recorded.max_tokens}
    params |= {"tools": [_TOOL]} if "tools" in recorded.needs else {}
    params |= {"response_format": _SCHEMA} if "json_schema" in recorded.needs else {}
    return ChatRequest(
        recorded.model,
        [{"role": "user", "content": content}],
        params,
        timeout=recorded.timeout,
        constraints=_constraints(recorded.narrowed),
        request_id=recorded.id,
        native=native,
    )


def _constraints(narrowed: Mapping[str, Any]) -> RoutingConstraints:
    return RoutingConstraints(
        providers=_names(narrowed.get("providers")),
        regions=_names(narrowed.get("regions")),
        fallback=narrowed.get("fallback") is not False,
        resume=narrowed.get("resume") is not False,
    )


def _names(given: Any) -> tuple[str, ...] | None:
    return tuple(str(one) for one in given) if isinstance(given, list) else None
