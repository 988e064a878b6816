"""`fallback-router evaluate submit`: starts the Bedrock evaluation jobs."""

from __future__ import annotations

from dataclasses import replace

import typer

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import load_settings

from ..jobs import Judging, job_requests, parse_metrics, started_jobs, write_jobs
from ..manifest import finished_manifest
from ..places import IN_S3, evaluation_folder, evaluation_jobs


def submit(out: str, *, judge: str, role: str, metrics: str, region: str | None) -> None:
    """Raises ConfigurationError, and OperationError for what AWS refuses."""
    judging = Judging(judge, parse_metrics(metrics), role)
    if not out.startswith(IN_S3):
        problem = (
            "--out: Bedrock reads the answers from S3; run with --out s3://BUCKET/FOLDER, or copy the folder there"
        )
        raise ConfigurationError([problem])
    settings = load_settings()
    with evaluation_folder(out, settings, region) as folder:
        requests = job_requests(folder, finished_manifest(folder), judging)
        if not requests:
            raise ConfigurationError([f"{out}: no model has answered yet; see `fallback-router evaluate run`"])
        client = evaluation_jobs(settings, region)
        before = {job.name: job for job in started_jobs(folder)}
        started = []
        for job, request in requests:
            if job.name in before:
                started.append(before[job.name])
                typer.echo(f"{job.name} was started before")
            else:
                started.append(replace(job, arn=client.create(request)))
                typer.echo(f"started {job.name} for {job.model}")
            # After each: a job that was started costs, and must not be forgotten if the next is refused.
            write_jobs(folder, judging, started)
    typer.echo(f"Bedrock takes minutes to hours; then: fallback-router evaluate report --out {out}")
