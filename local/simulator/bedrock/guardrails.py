"""ApplyGuardrail, checked against botocore's model of bedrock-runtime.

Both guardrails block what speaks of "forbidden fruit" (a denied topic), in whatever case and however spaced. `simguard`
also masks e-mail addresses; `simblocker` only blocks. In answers alone they block the word 666.
"""

import re
from typing import Any

from local.simulator.bedrock import errors, schema
from local.simulator.faults import Fault
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Operation, Target
from local.simulator.settings import Settings

PATH = re.compile(r"/bedrock/guardrail/(?P<id>[^/]+)/version/(?P<version>[^/]+)/apply")
MASKING, BLOCKING = "simguard", "simblocker"
VERSIONS = ("1", "DRAFT")
BLOCKED_INPUT = "Sorry, I cannot talk about that."
BLOCKED_OUTPUT = "Sorry, I cannot say that."
MOST_UNITS = 25
"""Text units in one request, at most; the service's own default quota a second."""
_DENIED = re.compile(r"forbidden\s+fruit", re.IGNORECASE)
_WORD = re.compile(r"\b666\b")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_STATUSES = {
    403: ("AccessDeniedException", "User is not authorized to perform: bedrock:ApplyGuardrail"),
    404: ("ResourceNotFoundException", "The guardrail identifier or version provided in the request does not exist."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "An internal server error occurred. Try your request again."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
_Json = dict[str, Any]


def apply_guardrail(request: Request, target: Target, _: Settings) -> Operation:
    """Raises ApiError with the service's refusal."""
    parsed = PATH.fullmatch(request.path)
    if request.method != "POST" or parsed is None or not isinstance(request.json, dict):
        raise ApiError(errors.error_reply(404, "UnknownOperationException", "The operation is not known."))
    identifier = target.model or ""
    named = {"guardrailIdentifier": identifier, "guardrailVersion": parsed["version"]}
    schema.check_params("ApplyGuardrail", {**request.json, **named}, "bedrock-runtime")
    guardrail = identifier.rpartition("/")[2]
    if guardrail not in (MASKING, BLOCKING) or parsed["version"] not in VERSIONS:
        raise ApiError(errors.error_reply(404, *_STATUSES[404]))
    texts = [block["text"]["text"] for block in request.json["content"] if "text" in block]
    units = _units(texts)
    if units > MOST_UNITS:
        raise errors.refuse(f"The request has {units} text units; a request has at most {MOST_UNITS}.")
    answer = _assessed(texts, request.json["source"], masks=guardrail == MASKING)
    schema.check_answer("ApplyGuardrail", answer, "bedrock-runtime")
    return Operation(Reply.json(200, answer, errors.response_headers()), failure)


def failure(fault: Fault) -> Reply:
    """The answer of a fault that lets no verdict come about."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    status = 403 if fault.kind == "access_denied" else fault.status or 503
    kind, message = _STATUSES.get(status) or _STATUSES[500]
    return errors.error_reply(status, fault.code or kind, fault.message or message, headers)


def _assessed(texts: list[str], source: str, *, masks: bool) -> _Json:
    assessment: _Json = {}
    outputs: list[_Json] = []
    reason = "No action."
    emails = [match for text in texts for match in _EMAIL.findall(text)] if masks else []
    if emails:
        entities = [{"match": one, "type": "EMAIL", "action": "ANONYMIZED"} for one in emails]
        assessment["sensitiveInformationPolicy"] = {"piiEntities": entities, "regexes": []}
        outputs = [{"text": _EMAIL.sub("{EMAIL}", text)} for text in texts]
        reason = "Guardrail masked."
    # Blocks of content are read one after the other, so a denied topic may span them.
    if _DENIED.search(" ".join(texts)):
        topic = {"name": "Forbidden fruit", "type": "DENY", "action": "BLOCKED"}
        assessment["topicPolicy"] = {"topics": [topic]}
        outputs = [{"text": BLOCKED_INPUT if source == "INPUT" else BLOCKED_OUTPUT}]
        reason = "Guardrail blocked."
    if source == "OUTPUT" and _WORD.search(" ".join(texts)):
        word = {"match": "666", "action": "BLOCKED"}
        assessment["wordPolicy"] = {"customWords": [word], "managedWordLists": []}
        outputs = [{"text": BLOCKED_OUTPUT}]
        reason = "Guardrail blocked."
    units = _units(texts)
    return {
        "usage": {
            "topicPolicyUnits": units,
            "contentPolicyUnits": 0,
            "wordPolicyUnits": 0,
            "sensitiveInformationPolicyUnits": units if masks else 0,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        },
        "action": "GUARDRAIL_INTERVENED" if outputs else "NONE",
        "actionReason": reason,
        "outputs": outputs,
        "assessments": [assessment] if assessment else [],
    }


def _units(texts: list[str]) -> int:
    """A unit is up to 1,000 characters."""
    return (sum(len(text) for text in texts) + 999) // 1000
