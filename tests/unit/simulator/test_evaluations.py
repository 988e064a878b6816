"""S3 and Bedrock's evaluation jobs, asked by boto3, which checks every answer against its own model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.simulator import AWS_ACCESS_KEY_ID, Fault, Simulator

BUCKET = "sim-bucket"
ROLE = "arn:aws:iam::123456789012:role/judge"


def client(sim: Simulator, service: str, secret: str = "sim-bedrock-secret") -> Any:  # noqa: S107 - the simulator's own
    make: Any = boto3.client
    return make(
        service,
        region_name="us-east-1",
        endpoint_url=f"{sim.url}/{service}",
        aws_access_key_id=AWS_ACCESS_KEY_ID,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=10),
    )


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


async def put(sim: Simulator, key: str, text: str) -> None:
    await asyncio.to_thread(client(sim, "s3").put_object, Bucket=BUCKET, Key=key, Body=text.encode())


async def get(sim: Simulator, key: str) -> str:
    found = await asyncio.to_thread(client(sim, "s3").get_object, Bucket=BUCKET, Key=key)
    return str(await asyncio.to_thread(lambda: found["Body"].read().decode()))


async def names(sim: Simulator, prefix: str) -> list[str]:
    def pages() -> list[str]:
        found = client(sim, "s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in found for one in page.get("Contents", [])]

    return await asyncio.to_thread(pages)


def line(model: str = "mine", **more: Any) -> str:
    record = {"prompt": "Capital of France?", "referenceResponse": "Paris it is", **more}
    return json.dumps({"modelResponses": [{"response": "It is Lyon", "modelIdentifier": model}], **record}) + "\n"


def request(**more: Any) -> dict[str, Any]:
    dataset = {"name": "d", "datasetLocation": {"s3Uri": f"s3://{BUCKET}/in/d.jsonl"}}
    metrics = ["Builtin.Correctness", "Builtin.Harmfulness"]
    judge = {"bedrockEvaluatorModels": [{"modelIdentifier": "us.amazon.nova-pro-v1:0"}]}
    return {
        "jobName": "job-1",
        "clientRequestToken": "token-1",
        "roleArn": ROLE,
        "applicationType": "ModelEvaluation",
        "evaluationConfig": {
            "automated": {
                "datasetMetricConfigs": [{"taskType": "General", "dataset": dataset, "metricNames": metrics}],
                "evaluatorModelConfig": judge,
            }
        },
        "inferenceConfig": {"models": [{"precomputedInferenceSource": {"inferenceSourceIdentifier": "mine"}}]},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out"},
        **more,
    }


async def create(sim: Simulator, wanted: dict[str, Any]) -> str:
    bedrock = client(sim, "bedrock")
    return str((await asyncio.to_thread(lambda: bedrock.create_evaluation_job(**wanted)))["jobArn"])


async def state(sim: Simulator, arn: str) -> dict[str, Any]:
    bedrock = client(sim, "bedrock")
    return dict(await asyncio.to_thread(lambda: bedrock.get_evaluation_job(jobIdentifier=arn)))


async def test_objects_come_back_as_they_were_put_and_are_listed_page_by_page(sim: Simulator) -> None:
    text = "Grüße & <Küsse>\n"
    await put(sim, "a b/ü&<.txt", text)
    keys = [f"many/{number:04}" for number in range(1003)]
    s3 = client(sim, "s3")
    await asyncio.to_thread(lambda: [s3.put_object(Bucket=BUCKET, Key=key, Body=b"") for key in keys])

    assert await get(sim, "a b/ü&<.txt") == text
    assert await names(sim, "a b/") == ["a b/ü&<.txt"]
    assert await names(sim, "many/") == keys


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda s3: s3.get_object(Bucket=BUCKET, Key="nothing"), "NoSuchKey"),
        (lambda s3: s3.put_object(Bucket="another", Key="a", Body=b""), "NoSuchBucket"),
        (lambda s3: s3.list_objects_v2(Bucket="another"), "NoSuchBucket"),
        (lambda s3: s3.delete_object(Bucket=BUCKET, Key="a"), "MethodNotAllowed"),
    ],
)
async def test_s3_refuses_with_its_own_error(sim: Simulator, act: Callable[[Any], Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(act, client(sim, "s3"))

    assert code in str(refused.value)


async def test_s3_takes_no_signature_but_the_right_one(sim: Simulator) -> None:
    stranger = client(sim, "s3", secret="another")

    with pytest.raises(ClientError):
        await asyncio.to_thread(lambda: stranger.put_object(Bucket=BUCKET, Key="a", Body=b"x"))
    assert await names(sim, "") == []


async def test_faults_act_on_s3(sim: Simulator) -> None:
    sim.inject(Fault(kind="status", status=503), provider="s3", times=1)

    with pytest.raises(ClientError, match="SlowDown"):
        await put(sim, "a", "x")
    await put(sim, "a", "x")


async def test_job_writes_scores_of_every_line_where_it_was_told(sim: Simulator) -> None:
    await put(sim, "in/d.jsonl", line() + line(category="geography"))

    arn = await create(sim, request())

    assert (await state(sim, arn))["status"] == "Completed"
    (file,) = await names(sim, "out/job-1/")
    assert file.endswith("_output.jsonl")
    first, second = [json.loads(one) for one in (await get(sim, file)).splitlines()]
    scores = first["automatedEvaluationResult"]["scores"]
    assert [(one["metricName"], one["result"]) for one in scores] == [
        ("Builtin.Correctness", 0.67),
        ("Builtin.Harmfulness", 0.0),
    ]
    assert scores[0]["evaluatorDetails"][0].keys() == {"modelIdentifier", "explanation"}
    assert first["modelResponses"] == [{"response": "It is Lyon", "modelIdentifier": "mine"}]
    assert second["inputRecord"]["category"] == "geography"


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (line() * 1001, "1001 prompts"),
        (line(model="another"), "inferenceSourceIdentifier"),
        (line(system="no such field"), "not a prompt with one model response"),
        (line(modelResponses=[]), "not a prompt with one model response"),
        (line(prompt=""), "not a prompt with one model response"),
        ("nothing\n", "not a prompt with one model response"),
    ],
)
async def test_job_fails_over_a_dataset_that_is_not_bedrocks_format(sim: Simulator, dataset: str, words: str) -> None:
    await put(sim, "in/d.jsonl", dataset)

    found = await state(sim, await create(sim, request()))

    assert found["status"] == "Failed"
    assert words in found["failureMessages"][0]
    assert await names(sim, "out") == []


async def test_job_that_takes_time_is_in_progress_until_then(sim: Simulator) -> None:
    sim.settings.evaluation_seconds = 3600
    await put(sim, "in/d.jsonl", line())

    assert (await state(sim, await create(sim, request())))["status"] == "InProgress"


async def test_the_same_request_is_the_same_job_and_another_of_its_name_is_refused(sim: Simulator) -> None:
    await put(sim, "in/d.jsonl", line())
    first = await create(sim, request())

    assert await create(sim, request()) == first
    with pytest.raises(ClientError, match="ConflictException"):
        await create(sim, request(clientRequestToken="token-2"))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    wanted = request()
    inner: Any = wanted
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return wanted


AUTOMATED = ("evaluationConfig", "automated")
CONFIG = (*AUTOMATED, "datasetMetricConfigs", 0)


@pytest.mark.parametrize(
    "wanted",
    [
        changed(("jobName",), "Capital Letters"),
        changed(("roleArn",), "judge"),
        changed((*CONFIG, "taskType"), "Custom"),
        changed((*CONFIG, "metricNames"), ["Builtin.Wisdom"]),
        changed((*CONFIG, "dataset", "datasetLocation", "s3Uri"), "s3://bucket/a b"),
        changed(("inferenceConfig", "models", 0), {"precomputedInferenceSource": {"inferenceSourceIdentifier": "a#2"}}),
        changed(("outputDataConfig", "s3Uri"), "https://example.com"),
    ],
)
async def test_job_that_bedrock_would_refuse_is_refused(sim: Simulator, wanted: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        await create(sim, wanted)
