"""`fallback-router evaluate report`: quality, cost and latency of each model, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.table import Table

from litellm_fallback_router import bootstrap
from litellm_fallback_router.commands.command_context import command_context
from litellm_fallback_router.commands.formatting import console, warn
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig
from litellm_fallback_router.settings import Settings

from ..folder import Folder
from ..jobs import read_jobs
from ..manifest import Manifest, finished_manifest
from ..picture import draw
from ..places import IN_S3, check_writable, evaluation_folder, evaluation_jobs
from ..proposal import GOOD_ENOUGH, Proposal, propose
from ..scores import Scored, judged_scores, local_scores
from ..standings import Standing, standings

FEW = 30
"""Scored answers of a model below which its quality says little."""
BY_REFERENCE = "similarity to the reference answers (token F1)"


def report(out: str, config_file: Path | None, *, local: bool, to: Path | None, region: str | None) -> None:
    """Raises ConfigurationError, and OperationError for what AWS refuses."""
    if out.startswith(IN_S3) and to is None:
        raise ConfigurationError(["--to: name a folder here for the picture and the mapping, such as --to report"])
    with command_context(config_file, simulate=False) as settings:
        mapping = bootstrap.mapping_of(settings)
        config = bootstrap.load(settings, mapping)  # a mapping with mistakes is told them, not reordered
        with evaluation_folder(out, settings, region) as folder:
            manifest = finished_manifest(folder)
            _check_known(manifest, config)
            scored, by_whom = _scored(folder, manifest, settings, local=local, region=region)
            places = standings(folder, manifest, scored)
    _check(places, local=local)
    target = to or Path(out)
    check_writable(target, "--to" if to else "--out")
    quality = f"quality: {by_whom}"
    console().print(_table(places, quality))
    proposal = propose(mapping, places)
    bootstrap.load(settings, proposal.mapping)  # a proposal that does not load is no proposal
    _print_orders(proposal)
    title = f"{len(places)} models, {manifest.prompts} prompts"
    _write(target / "report.png", draw(places, title=title, quality=by_whom))
    _write(
        target / "mapping.yaml",
        proposal.to_yaml(f"Proposed by `fallback-router evaluate report`.\n{title}; {quality}.").encode(),
    )
    _warn(places, proposal)
    typer.echo(f"Try it: ROUTER_CONFIG={target / 'mapping.yaml'} fallback-router chains")


def _check_known(manifest: Manifest, config: RouterConfig) -> None:
    known = {deployment.model_name for deployment in config.deployments}
    gone = dict.fromkeys(one.model_name for one in manifest.models if one.model_name not in known)
    if gone:
        problem = f"the evaluation asked {', '.join(gone)}, which the mapping lacks; name `run`'s with --config"
        raise ConfigurationError([problem])


def _scored(
    folder: Folder, manifest: Manifest, settings: Settings, *, local: bool, region: str | None
) -> tuple[list[Scored], str]:
    """The scores, and whose they are."""
    if local:
        files = _files(manifest)
        found = (local_scores(_lines(folder, file), folder.location(file)) for file in files)
        return [one for scores in found for one in scores], BY_REFERENCE
    judge, jobs = read_jobs(folder)
    client = evaluation_jobs(settings, region)
    scored: list[Scored] = []
    waiting = []
    for job in jobs:
        state = client.state(job.arn)
        if state.status == "Completed":
            results = [name for name in folder.names(job.results) if name.endswith(".jsonl")]
            scored += [one for name in results for one in judged_scores(_lines(folder, name), job.model)]
        else:
            waiting.append(f"{job.name}: {'; '.join((state.status, *state.failures))}")
    if waiting:
        problems = [*waiting, "try again once every job is completed, or add --local"]
        raise ConfigurationError(problems)
    return scored, f"as judged by {judge}"


def _files(manifest: Manifest) -> list[str]:
    return [file for model in manifest.models for file in model.files]


def _lines(folder: Folder, name: str) -> Iterator[str]:
    return (line for line in (folder.read(name) or "").split("\n") if line.strip())


def _check(places: Sequence[Standing], *, local: bool) -> None:
    if not any(one.answered for one in places):
        raise ConfigurationError(["no model has answered yet; see what `fallback-router evaluate run` says"])
    if not any(one.scored for one in places):
        fix = (
            "give the dataset's lines a referenceResponse and run again" if local else "look at the jobs in the console"
        )
        raise ConfigurationError([f"no answer has a score; {fix}"])


def _table(places: Sequence[Standing], title: str) -> Table:
    metrics = list(dict.fromkeys(name for one in places for name in one.metrics))
    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("quality", *(name.removeprefix("Builtin.") for name in metrics), "USD per 1,000", "p50 s", "p95 s"):
        table.add_column(name, justify="right")
    table.add_column("answered", justify="right")
    for one in places:
        table.add_row(
            one.model.deployment,
            _number(one.quality, 3),
            *(_number(one.metrics.get(name), 3) for name in metrics),
            _number(one.usd_per_1000, 3),
            _number(one.p50_seconds, 2),
            _number(one.p95_seconds, 2),
            f"{one.answered} of {one.prompts}",
        )
    return table


def _print_orders(proposal: Proposal) -> None:
    table = Table(title="Proposed orders", title_justify="left")
    table.add_column("strategy", no_wrap=True)
    table.add_column("for", no_wrap=True)
    table.add_column("asks, in this order", overflow="fold")
    for name, (goal, members) in proposal.orders.items():
        table.add_row(name, goal, ", ".join(members))
    console().print(table)
    typer.echo(f"For cost or latency, models below {GOOD_ENOUGH:.0%} of the best quality come last.")


def _warn(places: Sequence[Standing], proposal: Proposal) -> None:
    for one in places:
        name = one.model.deployment
        if not one.complete:
            warn(f"{name} was asked {one.answered + one.failed} of {one.prompts} prompts; run again before you compare")
        elif one.failed:
            warn(f"{name} failed on {one.failed} prompts, which count as quality 0")
        if 0 < one.scored < one.answered:
            without = one.answered - one.scored
            warn(f"{name}: {without} of {one.answered} answers have no score; its quality is that of the others")
        if one.answered and one.scored < FEW:
            warn(f"{name} has {one.scored} scored answers: too few to tell close models apart")
    for path in proposal.left_out:
        warn(f"{path} was left out of mapping.yaml: a secret; write it as os.environ/NAME")
    for name, closing in proposal.closing.items():
        warn(f"{name} falls back no more to {', '.join(closing)} in mapping.yaml: that would close a circle")


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    typer.echo(f"wrote {file}")


def _number(value: float | None, digits: int) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"
