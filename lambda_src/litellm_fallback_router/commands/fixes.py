"""Fixes for failures of a deployment, for its operator."""

from __future__ import annotations

import re

from ..routing.failures import FailureKind as Kind
from ..routing.types import Deployment

_FIXES = {
    Kind.AUTHENTICATION: "the provider refuses {key}: set a key that works",
    Kind.PERMISSION: "{key} may not use {model}: give its project or workspace access, or name another model",
    Kind.NOT_FOUND: "{endpoint} has no model {model}: it may be retired; put a current name into the mapping",
    Kind.QUOTA_EXHAUSTED: "add credit or raise the limit on the provider's billing page",
    Kind.RATE_LIMITED: "the key works but is at its limit: wait, ask for more, or set `rpm` in the mapping",
    Kind.CONNECTION: "{endpoint} cannot be reached: check the address, DNS, the proxy and the network",
    Kind.TIMEOUT: "{endpoint} took the question and did not answer: check its status page, the proxy and the network",
    Kind.UNAVAILABLE: "trouble at {endpoint}: see its status page; the chain passes over it meanwhile",
    Kind.REDIRECTED: "{endpoint} redirects to another address, and requests are not sent on: put the address that "
    "answers itself into api_base (often https:// for http://, or without a slash at the end)",
    Kind.INVALID_RESPONSE: "what answers at {endpoint} is not this API, or a proxy cut its answer short: check {way}",
    Kind.REJECTED: "{endpoint} refuses even a tiny question: check the model's name and its parameters in the mapping",
    Kind.TOO_LARGE: "{endpoint} calls even a tiny question too large: check the parameters in the mapping",
    Kind.CONTENT_POLICY: "a content filter refuses a harmless question: check the guardrail",
}


def fix(deployment: Deployment, kind: Kind | None) -> str:
    """What the operator can do; empty where nothing is known."""
    text = deployment.profile.fixes.get(kind) or _FIXES.get(kind) if kind else None
    return (text or "").format(
        key=_key(deployment),
        model=deployment.model,
        region=deployment.region or "its Region",
        endpoint=_endpoint(deployment),
        way="api_base (often it ends in /v1)" if deployment.api_base else "the proxy and the network",
    )


def _endpoint(deployment: Deployment) -> str:
    """The address without what follows `?`: some servers take a key there."""
    return re.split("[?#]", deployment.api_base or deployment.provider)[0]


def _key(deployment: Deployment) -> str:
    """The key by the name of its variable; a literal is never shown."""
    name = deployment.credential.partition(":")[2].partition("@")[0]
    return f"the key in {name}" if name.isupper() else "the key in the mapping"
