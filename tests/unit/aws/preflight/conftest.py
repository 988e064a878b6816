"""An AWS that answers as botocore's models of the services allow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws_replies import AwsReplies, aws_replies
from tests.support.ready_account import READY


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsReplies]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    variables = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with aws_replies(READY) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
        yield answering
