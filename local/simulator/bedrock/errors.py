"""Bedrock's error answers.

Sources: exceptions and their statuses, botocore's service model of bedrock-runtime; the header `x-amzn-errortype`,
aws-samples/amazon-bedrock-client-for-mac issue 99. Where no source stands beside a text, the words are our own.
"""

import secrets
import uuid
from collections.abc import Mapping

from local.simulator.conversation import Call
from local.simulator.faults import Fault
from local.simulator.http import Reply
from local.simulator.provider import ApiError

# Source: NousResearch/hermes-agent pull request 101401.
PREFILL = (
    "The model returned the following errors: This model does not support assistant message prefill. The conversation "
    "must end with a user message."
)
BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a message, not a token
EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 - as above
# status -> (exception, message); other statuses fall to the nearest of 400 and 500
_STATUSES = {
    400: ("ValidationException", "The provided request is not valid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model from the model identifier."),
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    413: ("RequestEntityTooLargeException", "Request size exceeded"),
    424: ("ModelErrorException", "The model returned the following errors: the model failed to answer."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: (
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
_FAILED = "The model returned the following errors: "
# kind of fault -> (status, exception, message)
_FAULTS = {
    "wrong_key": (403, "UnrecognizedClientException", BAD_TOKEN),
    "expired_token": (403, "ExpiredTokenException", EXPIRED_TOKEN),
    "access_denied": (403, *_STATUSES[403]),
    "model_not_found": (404, *_STATUSES[404]),
    "content_filter": (400, "ValidationException", f"{_FAILED}Output blocked by content filtering policy"),
    "prefill_refused": (400, "ValidationException", PREFILL),
    # Source: minorun365/agent-book issue 29 (Converse; botocore gives it no ServiceQuotaExceededException).
    "quota": (429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
    "rejected": (400, "ValidationException", f"{_FAILED}messages.0.content: Input should be a valid list"),
}


def response_headers() -> dict[str, str]:
    return {"x-amzn-requestid": str(uuid.uuid4())}


def error_reply(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    named = {**response_headers(), "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return Reply.json(status, {"message": message}, {**named, **(headers or {})})


def refuse(message: str) -> ApiError:
    return ApiError(error_reply(400, "ValidationException", message))


def denied(kind: str, message: str) -> ApiError:
    return ApiError(error_reply(403, kind, message))


def context_exceeded(model: str, window: int, asked: int) -> Reply:
    # Sources: daisuke-awaji/moca issue 254 (Claude), NousResearch/hermes-agent pull request 98726 (Llama, and the last,
    # for far too long prompts). Nova's words are unverified.
    if "anthropic" in model:
        text = f"The model returned the following errors: prompt is too long: {asked} tokens > {window} maximum"
    elif "nova" in model:
        text = "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try "
        text += "again."
    elif "llama" in model:
        text = f"This model's maximum context length is {window} tokens. Please reduce the length of the prompt"
    else:
        text = "Input is too long for requested model."
    return error_reply(400, "ValidationException", text)


def failure(fault: Fault, call: Call) -> Reply:
    """The answer of a fault that Bedrock gives as an error."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    if fault.kind == "context_exceeded":
        model = call.model
        return context_exceeded(model.name, model.context_window, model.context_window + call.prompt_tokens)
    return error_reply(*_FAULTS[fault.kind], headers) if fault.kind in _FAULTS else _of_status(fault, headers)


def _of_status(fault: Fault, headers: Mapping[str, str]) -> Reply:
    status = fault.status or 503
    if fault.body is not None:
        return Reply(status, fault.body.encode(), {**response_headers(), **headers})
    kind, message = _STATUSES.get(status) or _STATUSES[400 if status < 500 else 500]
    return error_reply(status, fault.code or fault.type or kind, fault.message or message, headers)


def padding() -> str:
    """The meaningless text that the service adds to events to hide their lengths."""
    return "abcdefghijklmnopqrstuvwxyz"[: 1 + secrets.randbelow(26)]
