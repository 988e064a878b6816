"""Sampled answers of fallbacks, kept in S3 as Bedrock's evaluation jobs take them. They hold prompts and answers.

Nobody waits for it: a bounded queue, a thread of its own, and where either cannot keep up samples are lost.
"""

from __future__ import annotations

import logging
import queue
import random
import time
from collections.abc import Callable
from itertools import groupby
from threading import Lock, Thread
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..routing.observe import Sample, response_line

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

logger = logging.getLogger("litellm_fallback_router")

WAITING = 100
"""Samples in memory, at most."""
LARGEST = 200_000
"""Characters of a sample, at most; a longer one is not kept."""
TRIES = 2
PAUSE = 1.0
"""Seconds between them."""
FLUSH_TIMEOUT = 3.0
"""Seconds that the end of the process waits for what is still in memory."""
QUIET = 60.0
"""Seconds between two warnings."""


class S3Samples:
    """Implements the `Samples` port."""

    def __init__(self, share: float, uri: str, connect: Callable[[], S3Client]) -> None:
        """`share`: of the samples offered, 0 to 1. `uri`: `s3://BUCKET/FOLDER`. `connect` is called in the thread."""
        self._share = share
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self._connect = connect
        self._client: S3Client | None = None
        self._queue: queue.Queue[Sample | None] = queue.Queue(WAITING)
        self._thread: Thread | None = None
        self._lock = Lock()
        self._warned = -QUIET

    def offer(self, sample: Sample) -> None:
        if random.random() >= self._share or len(sample.prompt) + len(sample.response) > LARGEST:  # noqa: S311
            return
        try:
            self._queue.put_nowait(sample)
        except queue.Full:
            self._warn("more samples than can be written")
            return
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._work, name="samples", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what is in memory, for `FLUSH_TIMEOUT` at most. Blocking."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._queue.put(None, timeout=FLUSH_TIMEOUT)
        except queue.Full:
            return
        thread.join(FLUSH_TIMEOUT)

    def _work(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            samples = [one for one in batch if one is not None]
            ended = len(samples) < len(batch)
            samples.sort(key=_folder)
            for folder, group in groupby(samples, key=_folder):
                self._write(folder, list(group))

    def _write(self, folder: str, samples: list[Sample]) -> None:
        lines = (response_line(s.prompt, s.response, s.model, category=s.requested) for s in samples)
        body = "".join(f"{line}\n" for line in lines).encode(errors="replace")
        key = f"{self._prefix}{folder}/{samples[0].request_id}.jsonl"
        for last in (*[False] * (TRIES - 1), True):
            try:
                self._s3().put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/jsonl")
            except (BotoCoreError, ClientError) as error:
                if last:
                    self._warn(_name(error))
                else:
                    time.sleep(PAUSE)
            else:
                return

    def _s3(self) -> S3Client:
        """Raises BotoCoreError, say for a profile that does not exist; then it is tried again with the next sample."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _warn(self, why: str) -> None:
        now = time.monotonic()
        if now - self._warned >= QUIET:
            self._warned = now
            logger.warning("samples of fallbacks are lost: %s", why)


def connection(simulator: dict[str, str]) -> Callable[[], S3Client]:
    """A client without retries of its own. `simulator`: how to reach it instead of AWS; empty: AWS."""

    def connect() -> S3Client:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        if simulator:
            config = config.merge(Config(s3={"addressing_style": "path"}))
        region = "us-east-1" if simulator else None
        return boto3.client("s3", config=config, region_name=region, **simulator)  # type: ignore[call-overload, no-any-return] # its endpoint and keys

    return connect


def _folder(sample: Sample) -> str:
    """One model a folder, as one model is one job."""
    return f"{sample.model}/{time.strftime('%Y-%m-%d', time.gmtime(sample.created))}"


def _name(error: Exception) -> str:
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else type(error).__name__
