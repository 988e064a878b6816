"""`fallback-router chains`: which deployments serve each name, in which order, and why not the others."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from .. import bootstrap
from ..drill import UNPROVEN_AFTER, Report, last_proven, unproven
from ..routing.errors import ConfigurationError
from ..routing.mapping import Hedge, RouterConfig, geography_of, leaving, reach
from ..routing.plan import Plan
from ..routing.types import Deployment, ModelInfo
from ..settings import lookup
from .chain_prices import CAPABILITIES, newest_report, proven_hours
from .command_context import command_context
from .deployed import Place
from .deployments import request_to
from .formatting import console, dropped_lines, warn, warn_of


def overview(config_file: Path | None, geography: str | None, place: Place | None = None, *, as_json: bool) -> None:
    """Every name a caller may use, the chain behind it and where prompts may be processed. Warns of what takes them out
    of `geography` (by default that of the process's AWS Region). `place`: the stage whose drills count; None: this
    machine's do. Raises ConfigurationError."""
    with command_context(config_file, simulate=False) as settings:
        config = bootstrap.load(settings)
        report = newest_report(settings, place)
    now = time.time()
    here = lookup("AWS_REGION") or lookup("AWS_DEFAULT_REGION")
    warn_of(config)
    for line in _leaving(config, geography, here):
        warn(line)
    if as_json:
        proven = proven_hours(config, report, now)
        typer.echo(json.dumps([_chain(config, name, here, proven) for name in config.chains], indent=2))
        return
    table = Table("model or strategy", "kind", "asked in this order", title="Chains", title_justify="left")
    table.add_column("also asked for as", overflow="fold")
    if any(config.hedge(name) for name in config.chains):
        table.add_column("raced")
    for name, chain in config.chains.items():
        row = (name, _kind(config, name), " -> ".join(chain), ", ".join(_ids(config, name)), _raced(config.hedge(name)))
        table.add_row(*row[: len(table.columns)])
    console().print(table)
    console().print(_processing_table(config, here))
    console().print(_proof_table(config, report, now))


def _leaving(config: RouterConfig, geography: str | None, here: str | None) -> list[str]:
    if geography is None and here is None:
        return []
    try:
        return leaving(config, geography or geography_of(here or ""), here)
    except ValueError as error:
        raise ConfigurationError([f"--geography: {error}"]) from error


def _processing_table(config: RouterConfig, here: str | None) -> Table:
    table = Table("prompts may be processed", "because", "deployments", title_justify="left")
    table.title = "Where prompts go"
    found = [(reach(deployment, here), deployment.id) for deployment in config.deployments]
    for words, because in dict.fromkeys((one.words, one.because) for one, _ in found):
        alike = [name for one, name in found if (one.words, one.because) == (words, because)]
        table.add_row(words, because, ", ".join(alike))
    return table


def _proof_table(config: RouterConfig, report: Report | None, now: float) -> Table:
    """When a drill last proved each deployment, those of the same answer in one line."""
    table = Table("last proven by a drill", "deployments", title="Proof", title_justify="left", caption_justify="left")
    proofs = {} if report is None else report.proofs
    said = {one.id: last_proven(one, proofs, now) for one in config.deployments}
    for words in dict.fromkeys(said.values()):
        table.add_row(words, ", ".join(name for name, own in said.items() if own == words))
    due = [name for name, hours in unproven(config.deployments, proofs, now).items() if hours >= UNPROVEN_AFTER]
    count, days = len(said) - len(due), UNPROVEN_AFTER // 24
    table.caption = f"{count} of {len(said)} proven within {days} days; `fallback-router drill` proves them."
    return table


def explain(model: str, config_file: Path | None, *, as_json: bool) -> None:
    """The plan for a plain question to `model`. Raises ConfigurationError and UnknownModelError."""
    with command_context(config_file, simulate=False) as settings:
        router = bootstrap.build_router(settings)
        plan = asyncio.run(router.explain(request_to(model, router.config)))
    warn_of(router.config)
    if as_json:
        typer.echo(json.dumps(_plan_json(model, plan, router.config), indent=2))
        return
    out = console()
    out.print(_plan_table(model, plan, router.config))
    for line in (*_doubt_lines(plan), *dropped_lines(drop.to_json() for drop in plan.dropped)):
        out.print(line, soft_wrap=True)


def _doubt_lines(plan: Plan) -> list[str]:
    """The candidates that come after the others, each with its reason."""
    return [
        f"{c.deployment.id}: {'a last resort' if c.last_resort else 'later'}, {c.deprioritized.reason}"
        for c in plan.candidates
        if c.deprioritized is not None
    ]


def _chain(config: RouterConfig, name: str, here: str | None, proven: Mapping[str, float | None]) -> dict[str, Any]:
    chain = config.chains[name]
    regions = {d.id: reach(d, here).regions for d in config.deployments if d.model_name in chain}
    return {
        "name": name,
        "kind": _kind(config, name),
        "chain": list(chain),
        "aliases": config.aliases_of(name),
        "hedge": None if (hedge := config.hedge(name)) is None else hedge.model_dump(),
        "proven_hours_ago": {one.id: proven[one.id] for one in config.chain(name)},
        "processed_in": {one: "anywhere" if found is None else sorted(found) for one, found in regions.items()},
    }


def _ids(config: RouterConfig, name: str) -> list[str]:
    """The aliases without those that are another one with the provider before it."""
    ids = {deployment.model for deployment in config.deployments}
    return [alias for alias in config.aliases_of(name) if alias in ids]


def _raced(hedge: Hedge | None) -> str:
    """When the slow answers of a chain are raced."""
    return "never" if hedge is None else f"after {hedge.after}, at most {100 * hedge.at_most:g} %"


def _kind(config: RouterConfig, name: str) -> str:
    return "strategy" if name in config.strategies else "model"


def _plan_table(model: str, plan: Plan, config: RouterConfig) -> Table:
    title = f"Who is asked for {model}" if plan.candidates else f"Nobody can be asked for {model}"
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.caption = "A plain question, now. Prices in USD per million tokens; a blank means unknown."
    table.add_column("order", justify="right")
    table.add_column("deployment", overflow="fold")
    table.add_column("provider and model", overflow="fold")
    table.add_column("Region", no_wrap=True)
    for heading in ("in", "out", "window"):
        table.add_column(heading, justify="right")
    table.add_column("can do")
    for order, candidate in enumerate(plan.candidates, start=1):
        table.add_row(str(order), *_cells(candidate.deployment))
    by_id = {deployment.id: deployment for deployment in config.deployments}
    for drop in plan.dropped:
        table.add_row("-", *_cells(by_id[drop.deployment]))
    return table


def _cells(deployment: Deployment) -> list[str]:
    info = deployment.info
    window = "" if info.max_input_tokens is None else f"{info.max_input_tokens:,}"
    prices = (_price(info.input_usd_per_token), _price(info.output_usd_per_token))
    return [deployment.id, deployment.label, deployment.region or "", *prices, window, ", ".join(_able(info))]


def _able(info: ModelInfo) -> Iterable[str]:
    return (words for name, words in CAPABILITIES.items() if getattr(info, name))


def _price(usd_per_token: float | None) -> str:
    return "" if usd_per_token is None else f"{usd_per_token * 1e6:g}"


def _plan_json(model: str, plan: Plan, config: RouterConfig) -> dict[str, Any]:
    by_id = {deployment.id: deployment for deployment in config.deployments}
    return {
        "model": model,
        "candidates": [
            {
                "order": order,
                **_deployment_json(candidate.deployment),
                "last_resort": candidate.last_resort,
                "doubt": None if candidate.deprioritized is None else candidate.deprioritized.reason,
            }
            for order, candidate in enumerate(plan.candidates, start=1)
        ],
        "dropped": [
            {**_deployment_json(by_id[drop.deployment]), "code": drop.code, "reason": drop.reason}
            for drop in plan.dropped
        ],
    }


def _deployment_json(deployment: Deployment) -> dict[str, Any]:
    info = deployment.info
    return {
        "deployment": deployment.id,
        "provider": deployment.provider,
        "model": deployment.model,
        "region": deployment.region,
        "usd_per_million_input_tokens": _per_million(info.input_usd_per_token),
        "usd_per_million_output_tokens": _per_million(info.output_usd_per_token),
        "max_input_tokens": info.max_input_tokens,
        "capabilities": {name: getattr(info, name) for name in CAPABILITIES},
    }


def _per_million(usd_per_token: float | None) -> float | None:
    return None if usd_per_token is None else round(usd_per_token * 1e6, 6)
