"""How many samples are kept, and what becomes of those that cannot be written."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ProfileNotFound

from litellm_fallback_router.adapters import fallback_samples
from litellm_fallback_router.adapters.fallback_samples import LARGEST, WAITING, S3Samples
from litellm_fallback_router.routing.observe.samples import Sample

WAIT = 20.0


def sample(number: int = 0, text: str = "answer") -> Sample:
    return Sample(f"id-{number:05}", "question", text, "model", "asked", 1_700_000_000)


class Bucket:
    """What S3 holds. `failures`: what the first calls raise."""

    def __init__(self, *failures: Exception) -> None:
        self.kept: list[str] = []
        self.bodies: list[bytes] = []
        self.failures = list(failures)
        self.open = Event()
        self.open.set()
        self.called = Event()

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:
        self.called.set()
        assert self.open.wait(WAIT)
        if self.failures:
            raise self.failures.pop(0)
        self.kept.append(Key)
        self.bodies.append(Body)

    @property
    def lines(self) -> int:
        return sum(body.count(b"\n") for body in self.bodies)


def samples(bucket: Any, share: float = 1.0) -> S3Samples:
    return S3Samples(share, "s3://b/fallbacks", lambda: bucket)


def test_about_the_share_is_kept() -> None:
    bucket = Bucket()
    for start in range(0, 4000, 40):  # few at a time, so that the share alone decides
        keeper = samples(bucket, share=0.1)
        for number in range(start, start + 40):
            keeper.offer(sample(number))
        keeper.close()
    kept = bucket.lines

    assert 300 < kept < 500


def test_without_a_share_no_thread_is_started_and_nothing_kept() -> None:
    bucket = Bucket()
    keeper = samples(bucket, share=0.0)
    keeper.offer(sample())
    keeper.close()

    assert (bucket.called.is_set(), bucket.kept) == (False, [])


def test_too_large_a_sample_is_not_kept() -> None:
    bucket = Bucket()
    keeper = samples(bucket)
    keeper.offer(sample(1, "x" * LARGEST))
    keeper.offer(sample(2))
    keeper.close()

    assert bucket.kept == ["fallbacks/model/2023-11-14/id-00002.jsonl"]


def test_a_bucket_that_hangs_bounds_the_memory_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bucket = Bucket()
    bucket.open.clear()
    keeper = samples(bucket)
    keeper.offer(sample(0))
    assert bucket.called.wait(WAIT)
    with caplog.at_level(logging.WARNING):
        for number in range(1, 3 * WAITING):
            keeper.offer(sample(number))
    bucket.open.set()
    keeper.close()

    assert bucket.lines == 1 + WAITING
    assert [record.message for record in caplog.records] == [
        "samples of fallbacks are lost: more samples than can be written"
    ]


def test_a_failed_write_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_samples, "PAUSE", 0.0)
    bucket = Bucket(EndpointConnectionError(endpoint_url="https://s3"))
    keeper = samples(bucket)
    keeper.offer(sample())
    keeper.close()

    assert bucket.lines == 1


def test_where_no_client_can_be_made_samples_are_lost_with_a_warning_until_one_can(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fallback_samples, "PAUSE", 0.0)
    bucket, broken = Bucket(), [True]

    def connect() -> Any:
        if broken[0]:
            raise ProfileNotFound(profile="nobody")
        return bucket

    keeper = S3Samples(1.0, "s3://b/fallbacks", connect)
    with caplog.at_level(logging.WARNING):
        keeper.offer(sample(1))
        keeper.close()
    broken[0] = False
    keeper.offer(sample(2))
    keeper.close()

    assert "samples of fallbacks are lost: ProfileNotFound" in caplog.text
    assert bucket.kept == ["fallbacks/model/2023-11-14/id-00002.jsonl"]
