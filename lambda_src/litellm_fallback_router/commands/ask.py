"""`fallback-router ask`: one question, and who answered it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from .. import bootstrap
from ..routing.router import Router
from ..routing.types import ChatRequest, ChatResult, Message
from .command_context import command_context
from .formatting import attempt_lines, dollars, dropped_lines, warn_of
from .interrupts import loaded


@dataclass(frozen=True)
class Question:
    text: str = field(repr=False)
    """`-`: read it from standard input."""
    model: str | None = None
    system: str | None = field(default=None, repr=False)
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float | None = None
    """Seconds for the whole chain."""


def ask(question: Question, config_file: Path | None, *, stream: bool, simulate: bool) -> None:
    """Write the answer to stdout, its deployment and attempts to stderr. Raises RouterError."""
    text = sys.stdin.buffer.read().decode(errors="replace") if question.text == "-" else question.text
    if not text.strip():
        raise typer.BadParameter("the question is empty", param_hint="QUESTION")
    with command_context(config_file, simulate=simulate) as settings:
        router = bootstrap.build_router(settings)
        warn_of(router.config)
        asyncio.run(_ask(router, _request(question, text, router), stream=stream))


def _request(question: Question, text: str, router: Router) -> ChatRequest:
    messages: list[Message] = [{"role": "user", "content": text}]
    if question.system is not None:
        messages.insert(0, {"role": "system", "content": question.system})
    options: dict[str, Any] = {"temperature": question.temperature, "max_tokens": question.max_tokens}
    return ChatRequest(
        model=router.config.first_chat if question.model is None else question.model,
        messages=messages,
        params={name: value for name, value in options.items() if value is not None},
        timeout=question.timeout,
    )


async def _ask(router: Router, request: ChatRequest, *, stream: bool) -> None:
    plan = await router.explain(request)
    if plan.candidates:  # otherwise the error need not wait the seconds that LiteLLM takes to import
        await loaded()
    elif all(drop.code == "no_key" for drop in plan.dropped):
        typer.echo("No model of the chain has a key. To try it without any, add --simulate.", err=True)
    try:
        result = await (_streamed(router, request) if stream else _whole(router, request))
    finally:
        await router.aclose()
    _tell(result)


async def _whole(router: Router, request: ChatRequest) -> ChatResult:
    result = await router.complete(request)
    sys.stdout.write(f"{result.text}\n")
    sys.stdout.flush()
    return result


async def _streamed(router: Router, request: ChatRequest) -> ChatResult:
    async with router.stream(request) as stream:
        try:
            async for chunk in stream:
                for choice in chunk.choices:
                    sys.stdout.write(choice["delta"].get("content") or "")
                    sys.stdout.flush()
        finally:
            sys.stdout.write("\n")
            sys.stdout.flush()
        return stream.result


def _tell(result: ChatResult) -> None:
    """Print the responder, the time and the cost; the attempts too where there were several."""
    ledger = result.ledger
    responders = ", then ".join(deployment.label for deployment in result.responders)
    how = " as a fallback" if result.fallback else ""
    typer.echo(f"answered by {responders}{how} in {ledger.seconds:.2f} s for {dollars(ledger.cost_usd)}", err=True)
    lines = dropped_lines(drop.to_json() for drop in ledger.dropped) if result.fallback else []
    if len(ledger.attempts) > 1 or lines:
        lines += attempt_lines(attempt.to_json() for attempt in ledger.attempts)
    for line in lines:
        typer.echo(f"  {line}", err=True)
