"""What all of OpenAI's endpoints check alike: the key, the method and the kind of body."""

from collections.abc import Mapping

from local.simulator.faults import ProviderName
from local.simulator.http import Request
from local.simulator.openai import errors
from local.simulator.provider import ApiError, Target, target_of
from local.simulator.settings import Settings


def check_key(request: Request, settings: Settings) -> str:
    """The key of the request. Raises ApiError for none and for a wrong one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ApiError(errors.error_reply(401, errors.NO_KEY))
    if key.strip() not in settings.openai_keys:
        raise ApiError(errors.wrong_key(key.strip()))
    return key.strip()


def check_body(request: Request, path: str) -> None:
    """Raises ApiError for what is not a POST of JSON to `path`."""
    if request.method != "POST":
        text = f"Not allowed to {request.method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        raise ApiError(errors.error_reply(405, text, code="method_not_supported"))
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        text = f"Unsupported Content-Type header: '{media_type}'. This API expects 'application/json'."
        raise ApiError(errors.error_reply(415, text, code="unsupported_content_type"))


class Door:
    """What all of OpenAI's endpoints have alike."""

    name: ProviderName = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    def target(self, request: Request) -> Target:
        return target_of(request)

    def headers(self) -> Mapping[str, str]:
        return errors.response_headers()

    def ping(self) -> bytes:
        return b""
