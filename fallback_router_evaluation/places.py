"""The composition root of `fallback-router evaluate`: where an evaluation is kept, and who judges it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import Settings
from litellm_fallback_router.simulated import SIMULATED_REGION, bedrock, s3

from .folder import Folder, LocalFolder
from .jobs import check_place

if TYPE_CHECKING:
    from .aws import EvaluationJobs

IN_S3 = "s3://"
KEPT_IN = ("answers", "responses")
"""Folders below the evaluation's, which `run` fills."""


@contextmanager
def evaluation_folder(out: str, settings: Settings, region: str | None = None) -> Iterator[Folder]:
    """The folder that `--out` names: a path here, or `s3://BUCKET/FOLDER`.

    Raises ConfigurationError, and inside the context OperationError for what AWS refuses.
    """
    if not out.startswith(IN_S3):
        _check_readable(Path(out))
        yield LocalFolder(Path(out))
        return
    place = check_place(out)
    from litellm_fallback_router.operation_errors import explained  # noqa: PLC0415

    from .aws import S3Folder  # noqa: PLC0415 - AWS's libraries, only when needed

    with explained():
        yield S3Folder(_client("s3", settings, region), place)


def _check_readable(folder: Path) -> None:
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return  # the first run makes it
    except OSError as error:
        problem = f"--out: cannot read {folder} ({error.strerror}); name a folder that you may read and write"
        raise ConfigurationError([problem]) from error


def check_keeps(out: str, folder: Folder) -> None:
    """Whether answers can be kept in what `--out` names: to be found out before any is paid for.

    Raises ConfigurationError, and OperationError where AWS fails otherwise.
    """
    if not out.startswith(IN_S3):
        for part in ("", *KEPT_IN):
            check_writable(Path(out, part), "--out")
        return
    from botocore.exceptions import ClientError  # noqa: PLC0415 - AWS's libraries, only when needed

    try:
        for part in KEPT_IN:
            folder.write(f"{part}/", "")  # an empty object, as S3's console makes a folder
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        fix = _fixes(out).get(code)
        if fix is None:
            raise
        raise ConfigurationError([f"--out: cannot write to {out} ({code}); {fix}"]) from error


def _fixes(out: str) -> Mapping[str, str]:
    bucket, _, prefix = out.removeprefix(IN_S3).rstrip("/").partition("/")
    below = f"{prefix}/*" if prefix else "*"
    return {
        "AccessDenied": f"allow s3:PutObject on arn:aws:s3:::{bucket}/{below}, and the bucket's key where it has one",
        "NoSuchBucket": f"there is no bucket {bucket}: make it, or name another",
    }


def check_writable(folder: Path, option: str) -> None:
    """Makes the folder where it is missing. Raises ConfigurationError where it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = f"{option}: cannot write to {folder} ({error.strerror}); name a folder that you may write to"
        raise ConfigurationError([problem]) from error


def evaluation_jobs(settings: Settings, region: str | None = None) -> EvaluationJobs:
    """Use it inside `evaluation_folder`, which explains what AWS refuses."""
    from .aws import EvaluationJobs  # noqa: PLC0415 - AWS's libraries, only when needed

    return EvaluationJobs(_client("bedrock", settings, region))


def _client(service: str, settings: Settings, region: str | None) -> Any:
    import boto3  # noqa: PLC0415 - AWS's libraries, only when needed
    from botocore.config import Config  # noqa: PLC0415

    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
    where: dict[str, str] = {}
    if settings.simulator_url is not None:
        region, config = region or SIMULATED_REGION, config.merge(Config(s3={"addressing_style": "path"}))
        where = {"s3": s3, "bedrock": bedrock}[service](settings.simulator_url)
    make: Any = boto3.client
    return make(service, region_name=region, config=config, **where)
