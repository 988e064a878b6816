"""`fallback-router evaluate run`: asks every model every prompt, directly."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from litellm_fallback_router import bootstrap
from litellm_fallback_router.commands.command_context import command_context
from litellm_fallback_router.commands.deployments import each_alone, keyless
from litellm_fallback_router.commands.formatting import console, warn_of
from litellm_fallback_router.commands.interrupts import loaded
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, did_you_mean
from litellm_fallback_router.routing.observe import identifier
from litellm_fallback_router.routing.types import Deployment

from ..asking import TRIES, Asked, Outcome, Questions
from ..budget import most_expensive
from ..dataset import read_dataset
from ..folder import decoded, readable_errors
from ..manifest import Manifest, Model, read_manifest, write_responses
from ..places import check_keeps, evaluation_folder


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be asked, of whom, for how much."""

    dataset: Path
    models: Sequence[str]
    max_tokens: int
    max_usd: float | None
    at_once: int


def run(wanted: Wanted, out: str, config_file: Path | None, *, region: str | None, simulate: bool) -> bool:
    """True if nothing is missing. Raises ConfigurationError, and OperationError for what AWS refuses."""
    with readable_errors(wanted.dataset):
        data = wanted.dataset.read_bytes()
    prompts = read_dataset(decoded(data, wanted.dataset.name), wanted.dataset.name)
    with (
        command_context(config_file, simulate=simulate) as settings,
        evaluation_folder(out, settings, region) as folder,
    ):
        config = bootstrap.load(settings)
        warn_of(config)
        asked = _chosen(config, wanted)
        check_keeps(out, folder)
        read_manifest(folder)  # a file of another's would be found too late
        questions = Questions(folder, prompts, asked, wanted.max_tokens)
        try:
            outcome = asyncio.run(_ask(config, asked, questions, wanted))
        finally:  # whatever ended it, what was answered is worth keeping
            named = [_model(one) for one in asked]
            manifest = write_responses(folder, prompts, wanted.max_tokens, named)
        _print(outcome, manifest, wanted, [folder.location(file) for one in manifest.models for file in one.files])
    return outcome.complete


def _chosen(config: RouterConfig, wanted: Wanted) -> list[Asked]:
    """The deployments that `--models` names. Raises ConfigurationError with every mistake."""
    by_id = {deployment.id: deployment for deployment in config.deployments if deployment.space is None}
    problems = [f"--models: {_unknown(name, config)}" for name in wanted.models if name not in by_id]
    if not wanted.models:
        problems.append(f"--models: empty; name some of: {', '.join(by_id)}")
    chosen = [Asked(identifier(name), by_id[name]) for name in dict.fromkeys(wanted.models) if name in by_id]
    names = Counter(one.identifier for one in chosen)
    problems += [
        f"--models: two models would share the file name '{name}'; rename one" for name in names if names[name] > 1
    ]
    if wanted.max_usd is not None:
        problems += [
            f"--max-usd: the price of {one.deployment.id} is unknown; give its model_info prices, or no --max-usd"
            for one in chosen
            if most_expensive(one.deployment, [], wanted.max_tokens) is None
        ]
    if problems:
        raise ConfigurationError(problems)
    return chosen


def _unknown(name: str, config: RouterConfig) -> str:
    if name in config.strategies:
        return f"'{name}' is a strategy; name models: {', '.join(config.chains[name])}"
    known = [deployment.id for deployment in config.deployments if deployment.space is None]
    if name not in known and any(deployment.id == name for deployment in config.deployments):
        return f"'{name}' embeds texts and answers no chats; name some of: {', '.join(known)}"
    return f"unknown model '{name}'{did_you_mean(name, known)}; known: {', '.join(known)}"


async def _ask(config: RouterConfig, asked: Sequence[Asked], questions: Questions, wanted: Wanted) -> Outcome:
    if not len(questions):
        return Outcome(0, spent_usd=questions.spent_usd)
    chosen = replace(config, deployments=tuple(one.deployment for one in asked))
    router = bootstrap.assemble(each_alone(chosen, deadline=config.settings.deadline, tries=TRIES))
    if reasons := await keyless(router):
        raise ConfigurationError([f"{name}: {why}" for name, why in reasons.items()])
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[spent]}"))
    screen = console(stderr=True)
    bar = Progress(*columns, TimeRemainingColumn(), console=screen, disable=not screen.is_terminal)
    with bar as progress:
        task = progress.add_task("asking", total=len(questions), spent=_money(questions.spent_usd))
        await loaded()
        try:
            with _stopped_by_ctrl_c(questions):
                return await questions.ask(
                    router,
                    at_once=wanted.at_once,
                    max_usd=wanted.max_usd,
                    advance=lambda spent: progress.update(task, advance=1, spent=_money(spent)),
                )
        finally:
            await router.aclose()


@contextmanager
def _stopped_by_ctrl_c(questions: Questions) -> Iterator[None]:
    """The first Ctrl-C waits for the answers on their way, the second does not."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        questions.stop()
        typer.echo("Stopping; waiting for the answers on their way. Ctrl-C again gives them up.", err=True)

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _model(asked: Asked) -> Model:
    deployment: Deployment = asked.deployment
    return Model(asked.identifier, deployment.id, deployment.model_name, deployment.label)


def _print(outcome: Outcome, manifest: Manifest, wanted: Wanted, files: Sequence[str]) -> None:
    missing = outcome.to_ask - outcome.answered
    told = f"{outcome.answered} of {outcome.to_ask} questions answered"
    if not outcome.to_ask:
        told = "Every question had an answer already; nothing was asked"
    typer.echo(f"{told}, {_money(outcome.spent_usd)} spent in all")
    for name, reasons in outcome.failures.items():
        for reason, count in Counter(reasons).most_common():
            typer.echo(f"  {name}: {reason}{f' ({count} times)' if count > 1 else ''}")
    if outcome.out_of_budget:
        typer.echo(f"Stopped before --max-usd {wanted.max_usd:g} was exceeded; run it again with more to go on.")
    elif missing:
        typer.echo(f"Run it again to ask the {missing} that are missing.")
    for file in files:
        typer.echo(f"wrote {file}")


def _money(amount: float) -> str:
    return f"${amount:.4f}"
