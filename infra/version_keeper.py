"""Deletes old versions of a function, for CloudFormation. Runs in a Lambda of its own, from this text alone."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3

KEPT = 3
"""Of the newest versions: the current one, the one before, and the one before a version that was rolled back."""


def handler(event: dict[str, Any], context: Any) -> None:
    """`event`: CloudFormation's, of a custom resource. A failure fails no deployment; it raises, so Lambda counts it as
    an error and tries it again."""
    try:
        if event["RequestType"] == "Update":
            tidy(boto3.client("lambda"), event["ResourceProperties"])
    finally:
        answer(event, context)


def tidy(functions: Any, properties: dict[str, str]) -> None:
    """Deletes all versions but the newest and those that the alias names."""
    name, alias = properties["FunctionName"], properties["Alias"]
    served = functions.get_alias(FunctionName=name, Name=alias)
    weights = served.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    published = [one["Version"] for page in pages for one in page["Versions"] if one["Version"] != "$LATEST"]
    kept = {served["FunctionVersion"], *weights, *sorted(published, key=int)[-KEPT:]}
    for version in published:
        if version not in kept:
            functions.delete_function(FunctionName=name, Qualifier=version)


def answer(event: dict[str, Any], context: Any) -> None:
    """Source: CloudFormation user guide, "Custom resource response objects"."""
    body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId", context.log_stream_name)}
    # The signature of the address has no content type in it.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 - as above
