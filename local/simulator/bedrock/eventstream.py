"""AWS event stream frames (application/vnd.amazon.eventstream), encoded by hand.

A frame: total length (4 bytes), length of headers (4), CRC32 of those eight bytes (4), headers, payload, CRC32 of
everything before it (4); all big-endian. A header: length of name (1), name, type 7 for a string (1), length of
value (2), value. (smithy.io/2.0/aws/amazon-eventstream.html)
"""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

_STRING = 7
_PRELUDE = struct.Struct("!II")
_CRC = struct.Struct("!I")


def event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """An event of a stream, e.g. kind `contentBlockDelta`."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, _json(payload))


def exception(kind: str, message: str) -> bytes:
    """An exception in the stream, e.g. kind `throttlingException`."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, _json({"message": message}))


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = _PRELUDE.pack(_PRELUDE.size + _CRC.size + len(head) + len(payload) + _CRC.size, len(head))
    frame = prelude + _CRC.pack(zlib.crc32(prelude)) + head + payload
    return frame + _CRC.pack(zlib.crc32(frame))


def with_wrong_checksum(frame: bytes) -> bytes:
    """The frame with the last bit of its checksum turned over."""
    return frame[:-1] + bytes([frame[-1] ^ 1])


def _header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    head = struct.pack("!B", len(raw_name)) + raw_name
    return head + struct.pack("!BH", _STRING, len(raw_value)) + raw_value


def _json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
