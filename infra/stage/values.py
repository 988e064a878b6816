"""How the texts of the command line become the values of a stage's settings. A ValueError says how to write it."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network
from typing import Any

from litellm_fallback_router.routing.mapping import regions_of

NEW = "new"
"""Makes a thing instead of using one that exists."""
OWN_TAGS = ("stage", "service")
"""Names of the tags that every stack has."""

LONGEST_DRILL_HOURS = 72
"""So that a proof, which counts for 7 days, outlives a drill that was missed."""
_RATE = re.compile(r"rate\((1 (hour|day)|([2-9]|[1-9]\d) (hours|days))\)")
"""As EventBridge takes it. Source: EventBridge user guide, "Setting a schedule pattern", rate expressions."""


def network(text: str) -> str:
    """An IPv4 range, of a range or of one address. Raises ValueError."""
    try:
        return str(IPv4Network(text if "/" in text else f"{text}/", strict=False))
    except ValueError:
        raise ValueError("must be an IPv4 range such as 203.0.113.0/24") from None


def geography(name: str | None) -> str | None:
    """The name of a geography or a Region, or None. Raises ValueError for one that is not known."""
    if name is not None:
        regions_of(name)
    return name


def kms_key(text: str) -> str:
    """The ARN of a KMS key. Raises ValueError for any other text."""
    if not re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", text):
        raise ValueError("must be the ARN of a KMS key")
    return text


def words(value: Any) -> Any:
    """What stands between the commas of a text; anything else as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def pairs(value: Any) -> Any:
    """Texts by name, out of `NAME=VALUE,NAME=VALUE`; anything else as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if wrong := [part for part in parts if "=" not in part]:
        raise ValueError(f"must be NAME=VALUE pairs with commas between, which {wrong[0]!r} is not")
    return {name.strip(): text.strip() for name, _, text in (part.partition("=") for part in parts)}


def tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that AWS takes. Raises ValueError for others, and for the names of `OWN_TAGS`."""
    for name, text in tags.items():
        if name.lower() in OWN_TAGS:
            raise ValueError(f"{name} is set by the stack itself; take another name")
        # Source: IAM user guide, "Rules for tagging"; some services take no more.
        fits = re.fullmatch(r"[\w .:/=+@-]{1,128}", name, re.ASCII) and re.fullmatch(
            r"[\w .:/=+@-]{0,256}", text, re.ASCII
        )
        if not fits or name.lower().startswith("aws:"):
            raise ValueError(
                f"{name}={text}: a name is 1 to 128 and a value up to 256 letters, digits, spaces and _.:/=+@-, "
                "and no name begins with aws:"
            )
    return tags


def rate(text: str | None) -> str | None:
    """How often a stage drills, `rate(1 day)`, or None. Raises ValueError."""
    if text is not None and not (_RATE.fullmatch(text) and 1 <= hours(text) <= LONGEST_DRILL_HOURS):
        raise ValueError("must be rate(1 day), rate(12 hours) or the like, from rate(1 hour) to rate(3 days)")
    return text


def hours(rate: str) -> int:
    """Hours from one time of a rate to the next."""
    number, unit = rate[len("rate(") : -1].split()
    return int(number) * (24 if unit.startswith("day") else 1)


def own_key(text: str | None) -> str | None:
    """`new`, the ARN of a KMS key, or None. Raises ValueError."""
    return text if text in (None, NEW) else kms_key(text)


def whole(value: Any) -> Any:
    """The number that a text says: the CLI gives every value as text, and a Literal does not convert."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


def from_json(value: Any) -> Any:
    """What a text says in JSON; anything else as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None
