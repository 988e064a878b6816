"""Numbers that others write as text. Python's own `float` takes more than anybody means: `1_0`, `nan`, ` +5 `, `٣`."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


def index(text: str) -> int | None:
    """A place in a list, as a JSON pointer names one (RFC 6901); None for anything else, and beyond any list here."""
    return int(text) if _INDEX.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """A number in plain digits, such as `12` or `0.5`; None for anything else. Never below 0, never infinite."""
    return float(text) if _DECIMAL.fullmatch(text) else None
