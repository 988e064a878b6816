"""ApplyGuardrail, checked against botocore's model of bedrock-runtime.

Both guardrails block what mentions "forbidden fruit" (a denied topic), in whatever case and however spaced. `simguard`
also masks e-mail addresses and telephone numbers such as 5550123; `simblocker` only blocks. In answers alone they block
the word 666. Of images, `simguard` blocks those whose bytes mention the fruit; `simblocker` does not look at them.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
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
MOST_IMAGES, LARGEST_IMAGE = 20, 4_000_000
_DENIED = re.compile(r"forbidden\s+fruit", re.IGNORECASE)
_WORD = re.compile(r"\b666\b")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\b555\d{4}\b")
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
    images = [b64decode(block["image"]["source"]["bytes"]) for block in request.json["content"] if "image" in block]
    units = _units(texts)
    if len(images) > MOST_IMAGES or any(len(image) > LARGEST_IMAGE for image in images):
        raise errors.refuse(f"A request has at most {MOST_IMAGES} images, of up to {LARGEST_IMAGE} bytes.")
    if units > MOST_UNITS:
        raise errors.refuse(f"The request has {units} text units; a request has at most {MOST_UNITS}.")
    answer = _assessed(texts, images, request.json["source"], all_policies=guardrail == MASKING)
    schema.check_answer("ApplyGuardrail", answer, "bedrock-runtime")
    return Operation(Reply.json(200, answer, errors.response_headers()), failure)


def failure(fault: Fault) -> Reply:
    """The answer of a fault that lets no verdict come about."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    status = 403 if fault.kind == "access_denied" else fault.status or 503
    kind, message = _STATUSES.get(status) or _STATUSES[500]
    return errors.error_reply(status, fault.code or kind, fault.message or message, headers)


def _assessed(texts: list[str], images: list[bytes], source: str, *, all_policies: bool) -> _Json:
    assessment: _Json = {}
    outputs: list[_Json] = []
    reason = "No action."
    entities = [_entity(kind, match) for kind, match in _personal(texts)] if all_policies else []
    if entities:
        assessment["sensitiveInformationPolicy"] = {"piiEntities": entities, "regexes": []}
        outputs = [{"text": _PHONE.sub("{PHONE}", _EMAIL.sub("{EMAIL}", text))} for text in texts]
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
    seen = images if all_policies else []
    if any(_DENIED.search(image.decode("latin-1")) for image in seen):
        hate = {"type": "HATE", "confidence": "HIGH", "filterStrength": "HIGH", "action": "BLOCKED"}
        assessment["contentPolicy"] = {"filters": [hate]}
        outputs = [{"text": BLOCKED_INPUT if source == "INPUT" else BLOCKED_OUTPUT}]
        reason = "Guardrail blocked."
    units, characters = _units(texts), sum(map(len, texts))
    return {
        "usage": {
            "topicPolicyUnits": units,
            "contentPolicyUnits": 0,
            "wordPolicyUnits": 0,
            "sensitiveInformationPolicyUnits": units if all_policies else 0,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
            "contentPolicyImageUnits": len(seen),
        },
        "action": "GUARDRAIL_INTERVENED" if outputs else "NONE",
        "actionReason": reason,
        "outputs": outputs,
        "assessments": [assessment] if assessment else [],
        "guardrailCoverage": {
            "textCharacters": {"guarded": characters, "total": characters},
            "images": {"guarded": len(seen), "total": len(images)},
        },
    }


def _personal(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for kind, pattern in (("EMAIL", _EMAIL), ("PHONE", _PHONE)):
            yield from ((kind, match) for match in pattern.findall(text))


def _entity(kind: str, match: str) -> _Json:
    return {"match": match, "type": kind, "action": "ANONYMIZED"}


def _units(texts: list[str]) -> int:
    """A unit is up to 1,000 characters."""
    return (sum(len(text) for text in texts) + 999) // 1000
