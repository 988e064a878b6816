"""Bedrock's evaluation jobs: one for each file of responses."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from litellm_fallback_router.routing.errors import ConfigurationError

from .folder import Folder
from .manifest import Manifest

FILE = "jobs.json"
METRICS = (
    *("Builtin.Correctness", "Builtin.Completeness", "Builtin.Faithfulness", "Builtin.Helpfulness"),
    *("Builtin.Coherence", "Builtin.Relevance", "Builtin.FollowingInstructions"),
    *("Builtin.ProfessionalStyleAndTone", "Builtin.Harmfulness", "Builtin.Stereotyping", "Builtin.Refusal"),
)
"""What a judge can rate.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-evaluation-type-judge-prompt.html"""
_S3_PATH = re.compile(r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+)*/?")
"""What a job may be told of a place in S3 (botocore's model of the service)."""


@dataclass(frozen=True, slots=True)
class Judging:
    """How the answers are judged."""

    judge: str
    """Bedrock's id, or an inference profile's ARN, of the model that judges."""
    metrics: tuple[str, ...]
    role: str
    """ARN of the role that Bedrock takes to read the responses, ask the judge and write the results."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job that was started."""

    name: str
    arn: str
    model: str
    """Identifier of the model whose answers are judged."""
    results: str
    """What the names of its result files in the evaluation's folder begin with."""


def parse_metrics(text: str) -> tuple[str, ...]:
    """`Correctness,Helpfulness` as Bedrock's names. Raises ConfigurationError that lists them."""
    known = {name.removeprefix("Builtin.").lower(): name for name in METRICS}
    found: dict[str, None] = {}
    problems = []
    for word in (word.strip() for word in text.split(",")):
        name = known.get(word.removeprefix("Builtin.").lower())
        if name is None:
            names = ", ".join(one.removeprefix("Builtin.") for one in METRICS)
            problems.append(f"--metrics: unknown metric '{word[:60]}'; known: {names}")
        else:
            found[name] = None
    if problems:
        raise ConfigurationError(problems)
    return tuple(found)


def check_place(uri: str) -> str:
    """An S3 URI without a slash at its end. Raises ConfigurationError for one that jobs would refuse."""
    if not _S3_PATH.fullmatch(uri):
        message = "--out: must be s3://BUCKET/FOLDER, of letters, digits and any of - ! _ * ' ( ) . in a folder's name"
        raise ConfigurationError([message])
    return uri.rstrip("/")


def job_requests(folder: Folder, manifest: Manifest, judging: Judging) -> list[tuple[Job, Mapping[str, Any]]]:
    """What to start: each job, its ARN still empty, and the input of CreateEvaluationJob.

    A job's name says what it judges and how, so that the same is not started twice.
    """
    found = []
    for model in manifest.models:
        for file in model.files:
            told = json.dumps([folder.location(file), folder.read(file), judging.judge, judging.metrics])
            mark = hashlib.sha256(told.encode()).hexdigest()[:12]
            name = f"{_words(model.identifier)}-{mark}"
            job = Job(name, "", model.identifier, f"results/{name}/")
            found.append((job, _request(job, folder.location(file), folder.location(job.results), judging)))
    return found


def _request(job: Job, responses: str, results: str, judging: Judging) -> Mapping[str, Any]:
    dataset = {
        # Not in the enumeration of botocore's model, but what the service wants where a model judges:
        # https://docs.aws.amazon.com/bedrock/latest/userguide/model-evaluation-type-judge-create.html
        "taskType": "General",
        "dataset": {"name": job.name, "datasetLocation": {"s3Uri": responses}},
        "metricNames": list(judging.metrics),
    }
    return {
        "jobName": job.name,
        "clientRequestToken": job.name,
        "roleArn": judging.role,
        "applicationType": "ModelEvaluation",
        "evaluationConfig": {
            "automated": {
                "datasetMetricConfigs": [dataset],
                "evaluatorModelConfig": {"bedrockEvaluatorModels": [{"modelIdentifier": judging.judge}]},
            }
        },
        "inferenceConfig": {"models": [{"precomputedInferenceSource": {"inferenceSourceIdentifier": job.model}}]},
        "outputDataConfig": {"s3Uri": results},
    }


def write_jobs(folder: Folder, judging: Judging, jobs: Sequence[Job]) -> None:
    value = {"judge": judging.judge, "metrics": list(judging.metrics), "jobs": [asdict(job) for job in jobs]}
    folder.write(FILE, json.dumps(value, indent=1) + "\n")


def started_jobs(folder: Folder) -> list[Job]:
    """The jobs of the last `submit`; none where there was none."""
    return _read(folder)[1]


def read_jobs(folder: Folder) -> tuple[str, list[Job]]:
    """The judge and its jobs. Raises ConfigurationError where none was started."""
    judge, jobs = _read(folder)
    if not jobs:
        problem = (
            f"{folder.location(FILE)}: not there; start jobs with `fallback-router evaluate submit`, or add --local"
        )
        raise ConfigurationError([problem])
    return judge, jobs


def _read(folder: Folder) -> tuple[str, list[Job]]:
    text = folder.read(FILE)
    if text is None:
        return "", []
    try:
        value: Mapping[str, Any] = json.loads(text)
        return str(value["judge"]), [Job(**one) for one in value["jobs"]]
    except (ValueError, TypeError, KeyError) as error:
        problem = f"{folder.location(FILE)}: not written by `evaluate submit`; restore it, or name another --out"
        raise ConfigurationError([problem]) from error


def _words(identifier: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", identifier.lower()).strip("-")[:45].rstrip("-")
