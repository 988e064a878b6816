"""`fallback-router evaluate`: choose the chain by evidence. The wiring; each command has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from litellm_fallback_router.commands.options import FAILED, Config, Simulate

app = typer.Typer(
    help="Choose the chain by evidence: ask models the same questions, have the answers judged, compare.",
    no_args_is_help=True,
)
Out = Annotated[str, typer.Option("--out", help="The evaluation's folder: a path here, or s3://BUCKET/FOLDER.")]
Region = Annotated[
    str | None, typer.Option(help="AWS Region of the bucket and the jobs; AWS's usual settings if left out.")
]


@app.command("run")
def run_(
    dataset: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help='JSON lines: {"prompt", "referenceResponse"?, "category"?, "system"?}.'
        ),
    ],
    models: Annotated[str, typer.Option(help="Models of the mapping, separated by commas.")],
    out: Out,
    *,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="Stop before the evaluation, earlier runs included, costs more.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 1024,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Questions on their way at the same time.")] = 4,
    config: Config = None,
    region: Region = None,
    simulate: Simulate = False,
) -> None:
    """Ask every model every prompt, directly, without fallback.

    Writes the answers as Bedrock's evaluation jobs take them, and what they took. Run it again to ask what is missing.
    Exits with 1 if something is still missing.
    """
    from . import run as command  # noqa: PLC0415 - each is imported when it is called

    wanted = command.Wanted(
        dataset, [name.strip() for name in models.split(",") if name.strip()], max_tokens, max_usd, at_once
    )
    with _told(out):
        if not command.run(wanted, out, config, region=region, simulate=simulate):
            raise typer.Exit(FAILED)


@app.command("submit")
def submit_(
    out: Out,
    judge: Annotated[str, typer.Option(help="Bedrock's id or inference profile of the model that judges.")],
    role: Annotated[str, typer.Option(help="ARN of the role that Bedrock takes for the jobs.")],
    *,
    metrics: Annotated[
        str, typer.Option(help="What to judge, separated by commas.")
    ] = "Correctness,Completeness,Helpfulness",
    region: Region = None,
) -> None:
    """Start the Bedrock evaluation jobs in which a model judges the answers. The folder must be in S3.

    Costs what the judge costs: one call for each answer and metric.
    """
    from . import submit as command  # noqa: PLC0415 - as above

    with _told(out):
        command.submit(out, judge=judge, role=role, metrics=metrics, region=region)


@app.command("report")
def report_(
    out: Out,
    *,
    local: Annotated[
        bool, typer.Option("--local", help="Compare with the reference answers instead of reading a judge's results.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for report.png and mapping.yaml; the evaluation's if left out."),
    ] = None,
    config: Config = None,
    region: Region = None,
) -> None:
    """Show quality, cost and latency of each model; write a picture and a mapping with the proposed orders."""
    from . import report as command  # noqa: PLC0415 - as above

    with _told(out):
        command.report(out, config, local=local, to=to, region=region)


@contextmanager
def _told(out: str) -> Iterator[None]:
    """What AWS refuses ends the command with exit code 1 and says what to do."""
    if not out.startswith("s3://"):
        yield
        return
    from litellm_fallback_router.operation_errors import OperationError  # noqa: PLC0415 - AWS's libraries, only when needed

    try:
        yield
    except OperationError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(FAILED) from error
