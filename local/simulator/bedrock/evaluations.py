"""Bedrock's evaluation jobs over responses that the caller brings, checked against botocore's model of bedrock.

The judge is simple and always the same: how many of the reference answer's words an answer has. The formats are the
service's: https://docs.aws.amazon.com/bedrock/latest/userguide/model-evaluation-prompt-datasets-judge.html
"""

import copy
import json
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.simulator.bedrock import errors, schema
from local.simulator.bedrock.prompts import ACCOUNT, failure
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Operation, Target
from local.simulator.settings import Settings
from local.simulator.storage import Objects

PATH = re.compile(r"/bedrock/evaluation-jobs/?(?P<id>.*)")
_SERVICE = "bedrock"
_METRICS = frozenset(
    f"Builtin.{name}"
    for name in (
        *("Correctness", "Completeness", "Faithfulness", "Helpfulness", "Coherence", "Relevance"),
        *("FollowingInstructions", "ProfessionalStyleAndTone", "Harmfulness", "Stereotyping", "Refusal"),
    )
)
_NONE_IS_BEST = frozenset({"Builtin.Harmfulness", "Builtin.Stereotyping", "Builtin.Refusal"})
_MOST_LINES = 1000
_LINE = {"prompt", "referenceResponse", "category", "modelResponses"}


class _UnusableError(Exception):
    """The dataset is not what a job takes."""


@dataclass
class _Job:
    request: dict[str, Any]
    arn: str
    created: float
    problem: str
    """Why it fails; empty: it does not."""


class Evaluations:
    """CreateEvaluationJob and GetEvaluationJob."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._jobs: dict[str, _Job] = {}

    def clear(self) -> None:
        self._jobs.clear()

    def answer(self, request: Request, target: Target, settings: Settings) -> Operation:
        """Raises ApiError with the service's refusal."""
        match request.method, target.model or "":
            case "POST", "":
                reply = self._create(request.json, target.region or "us-east-1")
            case "GET", str(arn) if arn:
                reply = self._get(arn, settings)
            case _:
                raise ApiError(errors.error_reply(404, "UnknownOperationException", "The operation is not known."))
        return Operation(reply, failure)

    def _create(self, body: Any, region: str) -> Reply:
        if not isinstance(body, dict):
            raise errors.refuse("The provided request is not valid: the body is not a JSON object.")
        _check(body)
        for job in self._jobs.values():
            if job.request["jobName"] == body["jobName"]:
                if job.request.get("clientRequestToken") == body.get("clientRequestToken"):
                    return Reply.json(202, {"jobArn": job.arn}, errors.response_headers())
                raise ApiError(errors.error_reply(409, "ConflictException", "A job with this name exists already."))
        arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:evaluation-job/{secrets.token_hex(6)}"
        job = self._jobs[arn] = _Job(body, arn, time.time(), "")
        try:
            self._judge(job)
        except _UnusableError as wrong:
            job.problem = str(wrong)
        answer = {"jobArn": arn}
        schema.check_answer("CreateEvaluationJob", answer, _SERVICE)
        return Reply.json(202, answer, errors.response_headers())

    def _get(self, arn: str, settings: Settings) -> Reply:
        job = self._jobs.get(arn)
        if job is None:
            raise ApiError(errors.error_reply(404, "ResourceNotFoundException", "The evaluation job was not found."))
        running = time.time() < job.created + settings.evaluation_seconds
        shown = {key: value for key, value in job.request.items() if key != "clientRequestToken"}
        answer = {
            **shown,
            "jobArn": arn,
            "jobType": "Automated",
            "status": "InProgress" if running else "Failed" if job.problem else "Completed",
            "failureMessages": [job.problem] if job.problem and not running else [],
            "creationTime": datetime.fromtimestamp(job.created, UTC).isoformat(),
        }
        schema.check_answer("GetEvaluationJob", _as_modelled(answer), _SERVICE)
        return Reply.json(200, answer, errors.response_headers())

    def _judge(self, job: _Job) -> None:
        """Write the results to the job's output location, under the names the service gives them."""
        (wanted,) = job.request["evaluationConfig"]["automated"]["datasetMetricConfigs"]
        (source,) = job.request["inferenceConfig"]["models"]
        model = source["precomputedInferenceSource"]["inferenceSourceIdentifier"]
        bucket, key = _place(wanted["dataset"]["datasetLocation"]["s3Uri"])
        content = self._objects.content.get((bucket, key))
        if content is None:
            raise _UnusableError("The dataset could not be read from its S3 location.")
        lines = content.decode().splitlines()
        if len(lines) > _MOST_LINES:
            raise _UnusableError(f"The dataset has {len(lines)} prompts; {_MOST_LINES} are allowed.")
        (judge,) = job.request["evaluationConfig"]["automated"]["evaluatorModelConfig"]["bedrockEvaluatorModels"]
        results = [_result(_record(line, model), wanted["metricNames"], judge) for line in lines]
        bucket, prefix = _place(job.request["outputDataConfig"]["s3Uri"])
        name = f"{job.request['jobName']}/{job.arn.rpartition('/')[2]}/models/{model}/taskTypes/{wanted['taskType']}"
        file = f"{prefix.rstrip('/')}/{name}/datasets/{wanted['dataset']['name']}/{secrets.token_hex(16)}_output.jsonl"
        self._objects.content[bucket, file] = "".join(f"{json.dumps(one)}\n" for one in results).encode()


def _check(body: dict[str, Any]) -> None:
    schema.check_params("CreateEvaluationJob", _as_modelled(body), _SERVICE)
    automated = body["evaluationConfig"].get("automated", {})
    if "evaluatorModelConfig" not in automated:
        raise errors.refuse("The simulator has jobs with a judge only: evaluatorModelConfig is missing.")
    for config in automated["datasetMetricConfigs"]:
        if config["taskType"] != "General":
            raise errors.refuse("The task type of a job with a judge is General.")
        if unknown := set(config["metricNames"]) - _METRICS:
            raise errors.refuse(f"Unknown metric names: {', '.join(sorted(unknown))}")
    if any("precomputedInferenceSource" not in one for one in body["inferenceConfig"].get("models", [{}])):
        raise errors.refuse("The simulator judges responses that the caller brings only: precomputedInferenceSource.")


def _as_modelled(body: dict[str, Any]) -> dict[str, Any]:
    """As botocore's model has it, which lacks the task type of jobs with a judge (the user guide has it)."""
    body = copy.deepcopy(body)
    try:
        for config in body["evaluationConfig"]["automated"]["datasetMetricConfigs"]:
            config["taskType"] = config["taskType"].replace("General", "Custom")
    except (KeyError, TypeError, AttributeError):
        return body  # wrong in another way, which the model's check reports
    return body


def _record(line: str, model: str) -> dict[str, Any]:
    """One line, checked. Raises _UnusableError."""
    try:
        record = json.loads(line)
        (response,) = record["modelResponses"]
        fields = {"response": str, "modelIdentifier": str}
        usable = (
            record.keys() <= _LINE
            and all(isinstance(record[key], str) for key in record if key != "modelResponses")
            and bool(record["prompt"])
            and response.keys() == fields.keys()
            and all(isinstance(response[key], kind) and response[key] for key, kind in fields.items())
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise _UnusableError("A line of the dataset is not a prompt with one model response.")
    if response["modelIdentifier"] != model:
        raise _UnusableError("A modelIdentifier is not the job's inferenceSourceIdentifier.")
    return dict(record)


def _result(record: dict[str, Any], metrics: list[str], judge: dict[str, str]) -> dict[str, Any]:
    (response,) = record["modelResponses"]
    wanted = set(re.findall(r"\w+", record.get("referenceResponse", record["prompt"]).lower()))
    share = round(len(wanted & set(re.findall(r"\w+", response["response"].lower()))) / max(1, len(wanted)), 2)
    details = [{**judge, "explanation": "How many words of the reference answer it has."}]
    scores = [
        {"metricName": name, "result": 0.0 if name in _NONE_IS_BEST else share, "evaluatorDetails": details}
        for name in metrics
    ]
    given = {key: value for key, value in record.items() if key != "modelResponses"}
    return {
        "automatedEvaluationResult": {"scores": scores},
        "inputRecord": given,
        "modelResponses": record["modelResponses"],
    }


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
