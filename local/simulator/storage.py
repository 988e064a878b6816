"""As much of S3 as this project uses: PutObject, GetObject and ListObjectsV2, with path-style addresses."""

import base64
import binascii
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from local.simulator.bedrock import sigv4
from local.simulator.faults import Fault, ProviderName
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Operation, Target
from local.simulator.settings import Settings

_PATH = re.compile(r"/s3/(?P<bucket>[^/]+)/?(?P<key>.*)")
_PAGE = 1000
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_FAILURES = {
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}


@dataclass
class Objects:
    """What the buckets hold."""

    content: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By bucket and key."""

    def under(self, bucket: str, prefix: str) -> list[str]:
        """The keys that begin so, in S3's order."""
        return sorted(key for where, key in self.content if where == bucket and key.startswith(prefix))


class S3:
    """`/s3/BUCKET/KEY`. The buckets are the settings'."""

    name: ProviderName = "s3"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def target(self, request: Request) -> Target:
        parsed = _PATH.fullmatch(request.path)
        return Target(parsed["bucket"] if parsed else None, sigv4.region_of(request))

    def read(self, request: Request, settings: Settings) -> Operation:
        sigv4.check(request, settings, service="s3")
        parsed = _PATH.fullmatch(request.path)
        if parsed is None:
            raise ApiError(_error(400, "InvalidRequest", "Name a bucket: /s3/BUCKET/KEY."))
        bucket, key = parsed["bucket"], unquote(parsed["key"])
        if bucket not in settings.buckets:
            raise ApiError(_error(404, "NoSuchBucket", "The specified bucket does not exist"))
        match request.method, bool(key):
            case "PUT", True:
                reply = self._put(request, bucket, key)
            case "GET", True:
                reply = self._get(bucket, key)
            case "GET", False:
                reply = self._list(request, bucket)
            case _:
                raise ApiError(_error(405, "MethodNotAllowed", "The simulator knows PUT and GET only."))
        return Operation(reply, failure)

    def _put(self, request: Request, bucket: str, key: str) -> Reply:
        sent = request.headers.get("x-amz-checksum-crc32")
        if sent and sent != base64.b64encode(binascii.crc32(request.body).to_bytes(4, "big")).decode():
            raise ApiError(_error(400, "BadDigest", "The CRC32 you specified did not match the calculated checksum."))
        if len(key.encode()) > 1024:
            raise ApiError(_error(400, "KeyTooLongError", "Your key is too long"))
        self._objects.content[bucket, key] = request.body
        return Reply(200, b"", _headers(etag=_etag(request.body)))

    def _get(self, bucket: str, key: str) -> Reply:
        body = self._objects.content.get((bucket, key))
        if body is None:
            return _error(404, *_FAILURES[404])
        return Reply(200, body, _headers(etag=_etag(body)), "binary/octet-stream")

    def _list(self, request: Request, bucket: str) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
        if query.get("list-type") != "2":
            raise ApiError(_error(400, "InvalidArgument", "The simulator lists with list-type=2 only."))
        prefix = query.get("prefix", "")
        keys = self._objects.under(bucket, prefix)
        start = int(query.get("continuation-token", 0))
        page, rest = keys[start : start + _PAGE], keys[start + _PAGE :]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self._objects.content[bucket, key])}</Size></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{start + _PAGE}</NextContinuationToken>" if rest else ""
        body = (
            f'{_XML}<ListBucketResult xmlns="{_XMLNS}"><Name>{bucket}</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
            f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}{contents}</ListBucketResult>"
        )
        return Reply(200, body.encode(), _headers(), "application/xml")


def failure(fault: Fault) -> Reply:
    """The answer of a fault that S3 gives as an error."""
    status = 403 if fault.kind in ("access_denied", "wrong_key", "expired_token") else fault.status or 503
    code, message = _FAILURES.get(status) or _FAILURES[500]
    return _error(status, fault.code or code, fault.message or message)


def _error(status: int, code: str, message: str) -> Reply:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
    )
    return Reply(status, body.encode(), _headers(), "application/xml")


def _headers(**more: str) -> dict[str, str]:
    return {"x-amz-request-id": uuid.uuid4().hex[:16].upper(), **more}


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
