"""Events as API Gateway's REST APIs send them to a Lambda.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

KEY_ID = "key-7f3a"
"""The id of the caller's key, as the authorizer gives it."""


def rest_event(
    method: str,
    path: str,
    body: bytes | Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`body`: bytes are sent as binary, a mapping as JSON."""
    sent = {"Host": "abc123.execute-api.us-east-1.amazonaws.com", "Content-Type": "application/json", **(headers or {})}
    binary = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else None if body is None else json.dumps(body)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "abc",
            "resourcePath": "/{proxy+}",
            "httpMethod": method,
            "path": f"/prod{path}",
            "accountId": "123456789012",
            "apiId": "abc123",
            "stage": "prod",
            "domainName": "abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc123",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "extendedRequestId": "abc=",
            "requestTime": "22/Nov/2026:12:00:00 +0000",
            "requestTimeEpoch": 1795348800000,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
            "authorizer": {"principalId": KEY_ID, "integrationLatency": 5},
        },
        "body": text,
        "isBase64Encoded": binary,
    }
