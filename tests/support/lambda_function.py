"""A function with published versions and an alias, in moto."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

NAME = "gateway"
_TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:*"}]}


def _package(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", text)
    return packed.getvalue()


def _client() -> Any:
    return boto3.client("lambda")


def function(*, versions: int) -> None:
    """With that many published versions, each of other code."""
    role: Any = boto3.client("iam")
    arn = role.create_role(RoleName="gateway", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    _client().create_function(
        FunctionName=NAME, Runtime="python3.13", Role=arn, Handler="index.handler", Code={"ZipFile": _package("")}
    )
    for number in range(versions):
        publish(f"# {number}")


def publish(code: str) -> None:
    """One more version."""
    _client().update_function_code(FunctionName=NAME, ZipFile=_package(code))
    _client().publish_version(FunctionName=NAME)


def alias(version: str, weights: Mapping[str, float] | None = None) -> None:
    """The alias `live` names that version, and others with their shares."""
    _client().create_alias(
        FunctionName=NAME,
        Name="live",
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": dict(weights or {})},
    )


def served() -> dict[str, Any]:
    found: dict[str, Any] = _client().get_alias(FunctionName=NAME, Name="live")
    return found


def published() -> list[str]:
    versions = _client().list_versions_by_function(FunctionName=NAME)["Versions"]
    return sorted(one["Version"] for one in versions if one["Version"] != "$LATEST")
