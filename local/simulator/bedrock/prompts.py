"""GetPrompt of Bedrock's Prompt Management, checked against botocore's model of bedrock-agent."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.simulator.bedrock import errors, schema
from local.simulator.faults import Fault
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Operation, Target
from local.simulator.settings import Settings

PATH = re.compile(r"/bedrock/prompts/(?P<id>[^/]+)/")
ACCOUNT = "123456789012"
_SERVICE = "bedrock-agent"
_PARAMS = ("promptVersion", "includedData")
_FAILURES = {
    "wrong_key": (403, "UnrecognizedClientException", errors.BAD_TOKEN),
    "expired_token": (403, "ExpiredTokenException", errors.EXPIRED_TOKEN),
    "access_denied": (403, "AccessDeniedException", "User is not authorized to perform: bedrock:GetPrompt"),
}
_STATUSES = {
    403: ("AccessDeniedException", "User is not authorized to perform: bedrock:GetPrompt"),
    404: ("ResourceNotFoundException", "The prompt was not found."),
    429: ("ThrottlingException", "Your request rate is too high. Reduce the frequency of requests."),
    500: ("InternalServerException", "An internal server error occurred. Try your request again."),
    503: ("ServiceUnavailableException", "The service is not available."),
}


def get_prompt(request: Request, target: Target, settings: Settings) -> Operation:
    """Raises ApiError with the service's refusal; ValueError where `settings.prompts` holds what is no prompt."""
    if request.method != "GET":
        raise ApiError(errors.error_reply(404, "UnknownOperationException", "The operation is not known."))
    query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
    params = {"promptIdentifier": target.model or "", **query}
    schema.check_params("GetPrompt", params, _SERVICE)
    answer = _find(settings, params["promptIdentifier"], params.get("promptVersion"), target.region or "us-east-1")
    if params.get("includedData") == "METADATA_ONLY":
        answer.pop("variants", None)
    schema.check_answer("GetPrompt", answer, _SERVICE)
    return Operation(Reply.json(200, answer, errors.response_headers()), failure)


def failure(fault: Fault) -> Reply:
    """The answer of a fault that lets no prompt be read."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    if fault.kind in _FAILURES:
        return errors.error_reply(*_FAILURES[fault.kind])
    status = fault.status or 503
    kind, message = _STATUSES.get(status) or _STATUSES[500]
    return errors.error_reply(status, fault.code or kind, fault.message or message, headers)


def _find(settings: Settings, identifier: str, version: str | None, region: str) -> dict[str, Any]:
    prompt_id, _, in_arn = identifier.rpartition("/")[2].partition(":")
    wanted = version or in_arn or "DRAFT"
    home = f"arn:aws:bedrock:{region}:{ACCOUNT}:prompt/{prompt_id}"
    known = identifier == prompt_id or identifier.startswith(home)
    for prompt in settings.prompts:
        if known and prompt["id"] == prompt_id and prompt["version"] == wanted:
            arn = home if wanted == "DRAFT" else f"{home}:{wanted}"
            return {"arn": arn, "createdAt": "2026-11-01T08:00:00Z", "updatedAt": "2026-11-02T08:00:00Z", **prompt}
    raise ApiError(errors.error_reply(404, *_STATUSES[404]))
