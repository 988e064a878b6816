"""Evaluations in AWS: their folder in S3, and Bedrock's evaluation jobs. Blocking; raises botocore's errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .folder import decoded

if TYPE_CHECKING:
    from mypy_boto3_bedrock.client import BedrockClient
    from mypy_boto3_s3.client import S3Client

READERS = 16


class S3Folder:
    """Files and logs under one prefix of a bucket. A log is a folder of objects, one a line, as S3 cannot append; and a
    file of lines, where somebody copied an evaluation there."""

    def __init__(self, client: S3Client, uri: str) -> None:
        """`uri`: `s3://BUCKET/PREFIX`."""
        self._client = client
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def read(self, name: str) -> str | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._client.exceptions.NoSuchKey:
            return None
        return decoded(found["Body"].read(), self.location(name))

    def write(self, name: str, text: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=text.encode())

    def names(self, under: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix + under)
        return [one["Key"].removeprefix(self._prefix) for page in pages for one in page.get("Contents", [])]

    def append(self, log: str, line: str) -> None:
        self.write(f"{log}/{time.time_ns():020}-{uuid.uuid4().hex[:8]}", line)

    def lines(self, log: str) -> Iterable[str]:
        copied = (self.read(log) or "").split("\n")[:-1]
        with ThreadPoolExecutor(READERS, thread_name_prefix="s3") as readers:
            return [*copied, *(text for text in readers.map(self.read, self.names(f"{log}/")) if text is not None)]

    def location(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"


@dataclass(frozen=True, slots=True)
class JobState:
    """How far a job is."""

    status: str
    """`InProgress`, `Completed`, `Failed`, `Stopping`, `Stopped`, `Deleting`."""
    failures: tuple[str, ...]
    """Why it failed, in Bedrock's words."""


class EvaluationJobs:
    """Starts jobs and tells how far they are."""

    def __init__(self, client: BedrockClient) -> None:
        self._client = client

    def create(self, request: Mapping[str, Any]) -> str:
        """The new job's ARN. `request`: the input of CreateEvaluationJob."""
        return self._client.create_evaluation_job(**request)["jobArn"]

    def state(self, arn: str) -> JobState:
        found = self._client.get_evaluation_job(jobIdentifier=arn)
        return JobState(found["status"], tuple(found.get("failureMessages", ())))
