"""Answers and failures -> lines of the table, with the fix."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...checklist import Check, Status
from ...routing.failures import FailureKind
from ...routing.types import Deployment
from ..fixes import fix
from .asking import Answers, Asked

if TYPE_CHECKING:
    from ...adapters.gateway_client import Reply

TELLING = 0.2
"""Seconds that a provider must have taken from its first to its last token, for a stream to show whether it streams."""
WAITING = {
    "drained": "an operator took it out: `fallback-router circuits close {id}` brings it back",
    "rpm": "wait a minute and run it again, or raise its rpm in the mapping",
}
"""Fixes for drops that are no fault of a deployment."""
SECRET = "`fallback-router secrets set {provider}`, with a key that works; it is used within 30 s"  # noqa: S105 - words
LOG = (
    "see the log group of the output LogGroup, and 'Troubleshooting' in docs/aws.md; a start that failed and Lambda's "
    "concurrency that is used up both look like this"
)


def deployment_checks(deployments: Sequence[Deployment], answers: Answers) -> Iterator[Check]:
    """One line for each deployment: the worse of its whole and its streamed answer."""
    for deployment in deployments:
        found = [answers.whole.get(deployment.id), answers.streamed.get(deployment.id)]
        parts = [_verdict(deployment, way, asked) for way, asked in zip(("whole", "streamed"), found, strict=True)]
        worst = max(parts, key=lambda part: ("ok", "warning", "failed").index(part.status))
        yield Check(deployment.id, worst.status, "; ".join(dict.fromkeys(part.seen for part in parts)), worst.fix)


def streaming_check(answers: Answers, *, streams: bool) -> Check:
    """First byte before last, by the answer that took its provider longest."""
    name = "streaming"
    if not streams:
        seen = "response_mode=buffered: streams arrive in one piece, and everything must be done within 28 s"
        return Check(
            name, "warning", seen, "deploy with -c response_mode=stream, if callers are to see words as they come"
        )
    good = [asked for asked in answers.streamed.values() if asked.answered]
    if not good:
        return Check(name, "failed", "no stream was answered", "mend the deployments first")
    if any("guardrail" in (asked.reply.routing_report or {}) for asked in good):
        seen = "the guardrail holds streams back and lets them go window by window, so nothing can be told"
        return Check(name, "warning", seen, "see docs/guardrails.md for the windows")
    telling = [asked for asked in good if asked.sent_over >= TELLING]
    if not telling:
        seen = f"no answer took {TELLING:g} s from its first token to its last, so nothing can be told"
        return Check(name, "warning", seen, "run it again")
    best = max(telling, key=lambda asked: asked.sent_over)
    seen = f"{best.spread:.2f} s from the first to the last event, {best.sent_over:.2f} s where it was made"
    if best.spread >= best.sent_over / 2:
        return Check(name, "ok", seen)
    fix_it = (
        "deploy with -c response_mode=stream; where a proxy or CDN stands before the stage, stop it from collecting"
    )
    return Check(name, "failed", f"streams arrive in one piece: {seen}", fix_it)


def door_fix(reply: Reply) -> str:
    """The fix for a request that never reached the router."""
    if reply.status is None:
        return "check the address (the output Url, or --url), DNS, a proxy and the network"
    if reply.code == "model_not_found":
        return "give the mapping that is deployed: --config FILE"
    if reply.status == 429:
        return "choose a larger usage plan with --plan, or change -c plans=..."
    if reply.code == "forbidden" or reply.status == 403:
        return "the firewall refused: see waf_allowed_ranges and waf_requests_per_5_minutes"
    if reply.status == 401:
        return "see the log group of the output AuthorizerLogGroup: the key was made a moment ago"
    return LOG


def _verdict(deployment: Deployment, way: str, asked: Asked | None) -> Check:
    """The check of one answer; its name is not used."""
    if asked is None:
        seen = f"{way}: never chosen among its siblings (weight {deployment.weight:g})"
        return Check("", "warning", seen, "raise its weight, or ask it alone with `fallback-router doctor`")
    if asked.answered:
        return Check("", "ok", f"{way} {_times(asked)}")
    if asked.attempt is not None:
        return _failed(deployment, way, asked)
    if asked.dropped is not None:
        return _dropped(deployment, asked.dropped["code"], asked.dropped["reason"])
    return Check("", "failed", f"{way}: {asked.reply.problem}", door_fix(asked.reply))


def _failed(deployment: Deployment, way: str, asked: Asked) -> Check:
    outcome, reason = (asked.attempt or {}).get("outcome", ""), (asked.attempt or {}).get("reason", "")
    if outcome == "answered":
        return Check("", "failed", f"{way}: {asked.reply.problem}", LOG)
    # A newer stage may have kinds that this copy of the code lacks.
    kind = FailureKind(outcome) if outcome in set(FailureKind) else None
    return Check("", "failed", f"{way}: {reason}", _fix(deployment, kind))


def _dropped(deployment: Deployment, code: str, reason: str) -> Check:
    status: Status = "warning" if code in WAITING else "failed"
    if code in WAITING:
        remedy = WAITING[code].format(id=deployment.id)
    elif code in {"no_key", "credential"}:
        remedy = _fix(deployment, FailureKind.AUTHENTICATION)
    else:
        remedy = "see what the router says, and run it again"
    return Check("", status, f"not asked: {reason}", remedy)


def _fix(deployment: Deployment, kind: FailureKind | None) -> str:
    if kind is not None and (own := deployment.profile.stage_fixes.get(kind)) is not None:
        return own
    if kind is FailureKind.AUTHENTICATION:
        return SECRET.format(provider=deployment.provider)
    return fix(deployment, kind) or "see the failure in the log, by its request id"


def _times(asked: Asked) -> str:
    if math.isnan(asked.reply.first):
        return f"{(asked.attempt or {}).get('seconds', 0.0):.2f} s"
    return f"from {asked.reply.first:.2f} to {asked.reply.last:.2f} s"
