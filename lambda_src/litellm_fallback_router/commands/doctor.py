"""`fallback-router doctor`: sends every deployment one tiny request, directly."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from .. import bootstrap
from ..drill import retirement_warning
from ..routing.errors import RouterError
from ..routing.mapping import RouterConfig
from ..routing.router import Router
from ..routing.types import Deployment, Message
from .command_context import command_context
from .deployments import each_alone, request_to
from .fixes import fix
from .formatting import console, listed, warn_of
from .interrupts import loaded

QUESTION: list[Message] = [{"role": "user", "content": "Reply with one word: ok"}]
MAX_TOKENS = 16
"""The least that every provider takes."""
REASONING_MAX_TOKENS = 512
"""OpenAI's reasoning models answer 400 "Could not finish the message" where thinking uses up the limit."""
TIMEOUT_SECONDS = 20.0
AT_ONCE = 4


@dataclass(frozen=True)
class Finding:
    """What is wrong with one deployment, if anything."""

    deployment: str
    provider: str
    model: str
    region: str | None
    status: Literal["ok", "failed", "not asked"]
    seconds: float | None
    """From sending to the answer; None where nothing was sent."""
    problem: str
    fix: str
    retires_on: str | None
    """ISO date."""
    warning: str
    """About a retirement that is near or past."""


def doctor(config_file: Path | None, *, simulate: bool, as_json: bool) -> bool:
    """Print the findings; True if every chain has a healthy member. Raises ConfigurationError."""
    with command_context(config_file, simulate=simulate) as settings:
        config = bootstrap.load(settings)
        warn_of(config)
        findings = asyncio.run(_examine(config))
    dead = _dead_chains(config, findings)
    if as_json:
        typer.echo(json.dumps({"deployments": [asdict(f) for f in findings], "dead_chains": dead}, indent=2))
    else:
        _print(findings, dead)
    return not dead


async def _examine(config: RouterConfig) -> list[Finding]:
    router = bootstrap.assemble(each_alone(config, deadline=TIMEOUT_SECONDS))
    slots = asyncio.Semaphore(AT_ONCE)
    columns = (*Progress.get_default_columns()[:3], TextColumn("{task.completed} of {task.total}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=len(config.deployments))
        await loaded()

        async def one(deployment: Deployment) -> Finding:
            async with slots:
                finding = await _examine_one(router, deployment)
            progress.advance(task)
            return finding

        try:
            return await asyncio.gather(*map(one, config.deployments))
        finally:
            await router.aclose()


async def _examine_one(router: Router, deployment: Deployment) -> Finding:
    max_tokens = REASONING_MAX_TOKENS if deployment.info.reasoning else MAX_TOKENS
    request = request_to(deployment.id, router.config, QUESTION)
    if deployment.space is None:
        request = replace(request, params={"max_tokens": max_tokens})
    try:
        result = await router.complete(request)
    except RouterError as error:
        return _failed(deployment, error)
    return _finding(deployment, "ok", seconds=result.ledger.attempts[-1].seconds)


def _failed(deployment: Deployment, error: RouterError) -> Finding:
    if not error.ledger.attempts:
        reasons = "; ".join(drop.reason for drop in error.ledger.dropped)
        return _finding(deployment, "not asked", problem=reasons or str(error))
    attempt = error.ledger.attempts[-1]
    # The question is ours, so the provider's words about it reveal nothing of a caller's.
    said = f"; the provider said: {error.detail[:200]}" if error.detail else ""
    problem = f"{attempt.reason}{said}"
    return _finding(
        deployment, "failed", seconds=attempt.seconds, problem=problem, remedy=fix(deployment, attempt.failure)
    )


def _finding(
    deployment: Deployment,
    status: Literal["ok", "failed", "not asked"],
    *,
    seconds: float | None = None,
    problem: str = "",
    remedy: str = "",
) -> Finding:
    return Finding(
        deployment=deployment.id,
        provider=deployment.provider,
        model=deployment.model,
        region=deployment.region,
        status=status,
        seconds=None if seconds is None else round(seconds, 3),
        problem=problem,
        fix=remedy,
        retires_on=deployment.info.retires_on,
        warning=retirement_warning(deployment.info.retires_on, datetime.now(UTC).date()),
    )


def _dead_chains(config: RouterConfig, findings: list[Finding]) -> list[str]:
    """The models and strategies for which no deployment answers."""
    healthy = {finding.deployment for finding in findings if finding.status == "ok"}
    alive = {d.model_name for d in config.deployments if d.id in healthy}
    return [name for name, chain in config.chains.items() if alive.isdisjoint(chain)]


def _print(findings: list[Finding], dead: list[str]) -> None:
    table = Table(title="Deployments", title_justify="left")
    table.add_column("deployment", overflow="fold")
    table.add_column("provider and model", overflow="fold")
    table.add_column("Region", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("seconds", justify="right")
    table.add_column("retires", no_wrap=True)
    for one in findings:
        table.add_row(
            one.deployment,
            f"{one.provider}:{one.model}",
            one.region or "",
            one.status,
            "" if one.seconds is None else f"{one.seconds:.2f}",
            one.retires_on or "",
            style=None if one.status == "ok" else "red",
        )
    out = console()
    out.print(table)
    for text, deployments in _by_remark(findings).items():
        out.print(f"{listed(deployments)}: {text}", soft_wrap=True)
    if dead:
        message = f"Nobody can answer for {listed(dead)}: no member of the chain is healthy."
        out.print(message, style="bold red", soft_wrap=True)
    else:
        out.print("Every chain has a healthy member.", style="green")


def _by_remark(findings: list[Finding]) -> dict[str, list[str]]:
    """Remark -> the deployments that it holds for, so that each fix is read once."""
    remarks: dict[str, list[str]] = {}
    for one in findings:
        for text in filter(None, ("\n  fix: ".join(filter(None, (one.problem, one.fix))), one.warning)):
            remarks.setdefault(text, []).append(one.deployment)
    return remarks
