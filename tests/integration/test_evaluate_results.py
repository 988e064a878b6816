"""What `evaluate report` makes of results that Bedrock's jobs left in S3: many files, gaps, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from fallback_router_evaluation import manifest
from litellm_fallback_router.simulated import s3
from local.simulator import SimulatorControl
from tests.integration.test_evaluate import DATASET, JUDGE, MINI, NOVA, dataset, run

__all__ = ["run"]
S3 = "s3://sim-bucket/chains"
HAIKU = "anthropic-claude-haiku"
COUNT = 31
Run = Callable[..., int]


@pytest.fixture
def bucket(simulator: SimulatorControl) -> Any:
    make: Any = boto3.client
    config = Config(s3={"addressing_style": "path"}, read_timeout=10)
    return make("s3", region_name="us-east-1", config=config, **s3(simulator.url))


def objects(bucket: Any, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """Key -> its lines."""
    found = bucket.get_paginator("list_objects_v2").paginate(Bucket="sim-bucket", Prefix=prefix)
    keys = [one["Key"] for page in found for one in page.get("Contents", [])]
    texts = {key: bucket.get_object(Bucket="sim-bucket", Key=key)["Body"].read() for key in keys}
    return {key: [json.loads(line) for line in text.splitlines()] for key, text in texts.items()}


def result(scores: list[tuple[str, Any]]) -> str:
    """A line as the service writes it; of what a model said there is nothing but in the record that was given."""
    said = [{"metricName": name, "result": value, "evaluatorDetails": [{"explanation": "-"}]} for name, value in scores]
    return json.dumps({"automatedEvaluationResult": {"scores": said}, "inputRecord": {"prompt": "?"}})


def test_many_answers_are_several_files_and_jobs_and_one_line_of_the_report(
    run: Run, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manifest, "MAX_LINES", 20)
    assert run("run", "--dataset", dataset(tmp_path, COUNT), "--models", f"{MINI},{NOVA}", "--out", S3) == 0
    assert run("submit", "--out", S3, *JUDGE) == 0

    results = objects(bucket, "chains/results/")
    assert sorted(map(len, results.values())) == [COUNT - 20, COUNT - 20, 20, 20]
    assert all("/taskTypes/General/datasets/" in key and key.endswith("_output.jsonl") for key in results)
    assert capsys.readouterr().out.count("started ") == 4

    assert run("report", "--out", S3, "--to", tmp_path) == 0
    told = capsys.readouterr()
    assert told.out.count(f"{COUNT} of {COUNT}") == 2
    assert "too few" not in told.err


def test_missing_scores_and_error_lines_are_left_out_and_told(
    run: Run, bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = (MINI, NOVA, HAIKU)
    assert run("run", "--dataset", dataset(tmp_path, 4), "--models", ",".join(models), "--out", S3) == 0
    assert run("submit", "--out", S3, *JUDGE) == 0
    good = result([("Builtin.Correctness", 1.0), ("Builtin.Completeness", 0.5)])
    half = result([("Builtin.Correctness", 0.5), ("Builtin.Completeness", None)])
    left = {
        MINI: [good, half, "", "Internal failure", json.dumps({"error": "throttled"})],
        NOVA: [good],  # the job wrote three lines less
        HAIKU: [result([("Builtin.Correctness", None)]), json.dumps([]), json.dumps({"automatedEvaluationResult": 7})],
    }
    for key in objects(bucket, "chains/results/"):
        (model,) = (one for one in models if f"/models/{one}/" in key)
        bucket.put_object(Bucket="sim-bucket", Key=key, Body="\n".join(left[model]).encode())
    bucket.put_object(Bucket="sim-bucket", Key="chains/results/amazon-bedrock-evaluations-permission-check", Body=b"")

    assert run("report", "--out", S3, "--to", tmp_path) == 0

    told = capsys.readouterr()
    rows = {line.split("│")[1].strip(): line for line in told.out.splitlines() if line.startswith("│")}
    assert "0.625" in rows[MINI], "the mean of 0.75 and of the one metric that the second has"
    assert "0.750" in rows[NOVA]
    assert "unknown" in rows[HAIKU]
    assert f"{MINI}: 2 of 4 answers have no score" in told.err
    assert f"{NOVA}: 3 of 4 answers have no score" in told.err
    assert f"{HAIKU} has 0 scored answers" in told.err
    assert (tmp_path / "report.png").stat().st_size > 10_000


def test_folder_copied_to_s3_is_judged_there(
    run: Run, bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = tmp_path / "here"
    assert run("run", "--dataset", dataset(tmp_path, 3), "--models", MINI, "--out", local) == 0
    for file in local.rglob("*.json*"):
        key = f"chains/{file.relative_to(local).as_posix()}"
        bucket.put_object(Bucket="sim-bucket", Key=key, Body=file.read_bytes())

    assert run("submit", "--out", S3, *JUDGE) == 0
    assert run("report", "--out", S3, "--to", tmp_path) == 0

    assert "3 of 3" in capsys.readouterr().out


def test_nothing_is_asked_where_s3_refuses_to_keep_answers(
    run: Run, simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def readers_only(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "PutObject":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, operation)
        return call(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", readers_only)

    assert run("run", "--dataset", DATASET, "--models", MINI, "--out", S3) == 2
    said = capsys.readouterr().err
    assert f"--out: cannot write to {S3} (AccessDenied); allow s3:PutObject on arn:aws:s3:::sim-bucket/chains/*" in said
    assert {one.provider for one in simulator.requests()} <= {"s3"}


def test_nothing_is_asked_where_there_is_no_bucket(
    run: Run, simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", "--dataset", DATASET, "--models", MINI, "--out", "s3://nobody/x") == 2
    assert "(NoSuchBucket); there is no bucket nobody: make it, or name another" in capsys.readouterr().err
    assert {one.provider for one in simulator.requests()} <= {"s3"}
