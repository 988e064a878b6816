"""Checks who signed a request: AWS Signature Version 4, recomputed with botocore, or a Bedrock API key."""

import hmac
import re
from datetime import UTC, datetime, timedelta

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.simulator.bedrock.errors import BAD_TOKEN, denied
from local.simulator.http import Request
from local.simulator.settings import Settings

_MAX_SKEW = timedelta(minutes=5)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request, *SignedHeaders=(?P<signed>[^,\s]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


def region_of(request: Request) -> str | None:
    """Region of the credential scope; None for a request that is not signed."""
    parsed = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    return parsed["region"] if parsed else None


def check(request: Request, settings: Settings, service: str = "bedrock") -> None:
    """Raises ApiError with the service's own 403 for a request without a signature of a known key."""
    authorization = request.headers.get("authorization", "").strip()
    if not authorization:
        raise denied("MissingAuthenticationTokenException", "Missing Authentication Token")
    if authorization.lower().startswith("bearer "):
        if authorization[len("bearer ") :].strip() not in settings.bedrock_keys:
            text = "Authentication failed: Please make sure your API Key is valid."
            raise denied("AccessDeniedException", text)
        return
    parsed = _AUTHORIZATION.fullmatch(authorization)
    if parsed is None:
        raise denied("IncompleteSignatureException", "Authorization header is not a complete AWS4 signature.")
    if parsed["service"] != service:
        raise denied("InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'.")
    secret = settings.aws_credentials.get(parsed["key"])
    if secret is None:
        raise denied("UnrecognizedClientException", BAD_TOKEN)
    timestamp = request.headers.get("x-amz-date", "")
    _check_time(timestamp, parsed["date"])
    signing = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = signing(Credentials(parsed["key"], secret), service, parsed["region"])
    expected = _signature(request, signer, parsed["signed"], timestamp)
    if not hmac.compare_digest(expected, parsed["signature"]):
        raise denied("InvalidSignatureException", _MISMATCH)


def _check_time(timestamp: str, scope_date: str) -> None:
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as wrong:
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise denied("IncompleteSignatureException", text) from wrong
    now = datetime.now(UTC)
    if abs(now - signed_at) > _MAX_SKEW:
        text = f"Signature expired: {timestamp} is now earlier than {now - _MAX_SKEW:%Y%m%dT%H%M%SZ}"
        raise denied("InvalidSignatureException", text)
    if not timestamp.startswith(scope_date):
        raise denied(
            "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version"
        )


def _signature(request: Request, signer: SigV4Auth, signed_headers: str, timestamp: str) -> str:
    headers = {name: request.headers.get(name, "") for name in signed_headers.split(";")}
    url = f"http://{request.headers.get('host', '')}{request.target}"
    copy = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
    copy.context["timestamp"] = timestamp
    return str(signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy))
