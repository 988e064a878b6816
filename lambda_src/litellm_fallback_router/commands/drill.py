"""`fallback-router drill`: asks every hop of every chain with all before it out, and keeps a sealed report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from .. import bootstrap, drills
from ..drill import SIMULATOR, Finding, Hop, Limits, Report, SealError, check_seals, drilled, keep
from ..routing.callers import Budget
from ..routing.errors import ConfigurationError
from ..routing.failures import FailureKind
from ..routing.mapping import RouterConfig
from ..routing.types import Deployment
from ..settings import Settings
from .command_context import command_context
from .fixes import fix
from .formatting import console, dollars, listed, warn, warn_of
from .interrupts import loaded

MAX_USD = 0.25
SECONDS = 900.0
"""For a whole drill."""
STYLES = {"proven": None, "not asked": "yellow", "failed": "red"}


@dataclass(frozen=True)
class Options:
    chains: tuple[str, ...]
    max_usd: float | None
    """US dollars; None: `MAX_USD` here, and what a stage allows there."""
    reports: Path | None
    """Folder; None: that of the settings."""


def drill(config_file: Path | None, options: Options, *, simulate: bool, as_json: bool) -> bool:
    """Run a drill, print its report and keep it; True if every hop was proven. Raises ConfigurationError."""
    with command_context(config_file, simulate=simulate) as settings:
        config = bootstrap.load(settings)
        warn_of(config)
        _check(options, config)
        report = _kept(config, settings, options)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        show(report, config)
    return report.well


def verify(config_file: Path | None, folder: Path | None) -> bool:
    """Check the seals of the reports on this machine; True if all are as they were sealed."""
    with command_context(config_file, simulate=False) as settings:
        files = drills.reports_in(folder or settings.drill_folder)
    try:
        reports = files.all()
        check_seals(reports, files.key() if reports else b"")
    except (SealError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        return False
    typer.echo(said_of(reports))
    return True


def said_of(reports: Sequence[Report]) -> str:
    """What `--verify` says of reports whose seals are right, the oldest first."""
    if not reports:
        return "there are no reports yet: run `fallback-router drill`"
    return f"{len(reports)} reports in a row, each as it was sealed; the newest is {reports[-1].digest}"


def _check(options: Options, config: RouterConfig) -> None:
    unknown = [name for name in options.chains if name not in config.chains]
    if unknown:
        raise ConfigurationError([f"--chain: unknown {listed(unknown)}; known: {listed(list(config.chains))}"])


def _kept(config: RouterConfig, settings: Settings, options: Options) -> Report:
    """The report, sealed behind the last one where it is kept: what a simulator says proves nothing by itself, and is
    kept only in a folder that was named."""
    simulated = settings.simulator_url is not None
    folder = options.reports or settings.drills or (None if simulated else settings.drill_folder)
    store = None if folder is None else drills.reports_in(folder)
    try:
        former = None if store is None else store.last()
        # Made before anything is asked: a folder that cannot be used is known before the drill costs something.
        key = b"" if store is None else store.key()
        if former is not None:
            check_seals([former], key)
    except SealError as error:
        raise ConfigurationError([f"--reports: {error}; verify them, and move the folder away"]) from error
    except OSError as error:
        raise ConfigurationError([f"--reports: {folder} cannot be used: {error.strerror}"]) from error
    limits = Limits(Budget.parse(f"{options.max_usd or MAX_USD:.9f}"), SECONDS)
    where = SIMULATOR if simulated else "this machine"
    asked = partial(drilled, config, limits=limits, chains=options.chains, where=where, former=former)
    report = asyncio.run(_run(config, settings, asked))
    if store is None:
        return report
    try:
        kept = keep(report, former, store, key)
    except OSError as error:
        warn(f"this report is not kept, so `chains` does not know of it: {folder}: {error.strerror}")
        return report
    if kept is not None:
        return kept
    raise ConfigurationError([f"--reports: {folder} is used by several drills at once; run it again"])


async def _run(config: RouterConfig, settings: Settings, asked: Callable[..., Awaitable[Report]]) -> Report:
    dependencies = drills.dependencies_of(config, settings)
    columns = (*Progress.get_default_columns()[:3], TextColumn("{task.completed} of {task.total}: {task.fields[hop]}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=None, hop="")
        await loaded()

        def tell(done: int, total: int, hop: str) -> None:
            progress.update(task, completed=done, total=total, hop=hop)

        try:
            return await asked(dependencies=dependencies, tell=tell)
        finally:
            await dependencies.provider.aclose()


def show(report: Report, config: RouterConfig) -> None:
    """Print a report: a line for each hop, what was found with its fix, and the verdict."""
    table = Table(title=f"Drill on {report.where}", title_justify="left", caption_justify="left")
    table.caption = "Each hop was asked with everything before it out."
    for heading in ("chain", "hop"):
        table.add_column(heading, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("seconds", justify="right")
    table.add_column("what was found", overflow="fold")
    former = ""
    for hop in report.hops:
        chain, former = ("" if hop.chain == former else hop.chain), hop.chain
        cells = (chain, f"{hop.place}. {hop.deployment}", hop.verdict, _seconds(hop), "; ".join(_words(hop)))
        table.add_row(*cells, style=STYLES[hop.verdict])
    out = console()
    out.print(table)
    by_id = {one.id: one for one in config.deployments}
    for text, names in _by_text(report.findings, by_id).items():
        out.print(f"{listed(names)}: {text}", soft_wrap=True)
    out.print(f"It cost {dollars(report.cost_usd)} of at most ${report.max_usd:g}, and took {report.seconds:.0f} s.")
    breaking = [f"{hop.chain} without {_before(report, hop)}" for hop in report.hops if not hop.holds]
    if breaking:
        out.print(f"Nobody answers for {listed(breaking)}.", style="bold red", soft_wrap=True)
    elif report.well:
        out.print("Every hop answers.", style="green")
    else:
        out.print("Every chain gives an answer with any of its hops out, but not every hop is proven.", style="yellow")


def _seconds(hop: Hop) -> str:
    return " / ".join("-" if one.seconds is None else f"{one.seconds:.2f}" for one in hop.answers)


def _words(hop: Hop) -> Iterator[str]:
    proven = [one.way for one in hop.answers if one.status == "proven"]
    if proven:
        yield ", ".join(proven)
    for one in hop.answers:
        if one.status != "proven":
            behind = f"; {one.answered_by} answered" if one.status == "failed" and one.answered_by else ""
            yield f"{one.way} {one.status}: {one.reason}{behind}"


def _before(report: Report, hop: Hop) -> str:
    before = [one.deployment for one in report.hops if one.chain == hop.chain and one.place < hop.place]
    return listed(before) if before else "any hop out"


def _by_text(findings: Sequence[Finding], by_id: dict[str, Deployment]) -> dict[str, list[str]]:
    """What was found, with its fix -> the deployments, so that each is read once."""
    texts: dict[str, list[str]] = {}
    for one in findings:
        kind = FailureKind(one.code) if one.code in set(FailureKind) else None
        remedy = fix(by_id[one.deployment], kind) if one.deployment in by_id else ""
        text = "\n  fix: ".join(filter(None, (f"{one.subject}: {one.text}", remedy)))
        names = texts.setdefault(text, [])
        if one.deployment not in names:
            names.append(one.deployment)
    return texts
