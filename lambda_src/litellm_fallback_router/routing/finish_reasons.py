"""An answer that ends by a reason which is not known to mean that it is complete."""

from __future__ import annotations

import re

from .failures import FailureKind, ProviderFailure

_SHOWN = re.compile(r"[A-Za-z_]{1,40}")
"""What a provider sends as a reason is repeated only where it is a word."""


def incomplete(reason: str, *, begun: bool = False) -> ProviderFailure:
    """For an answer that ends with `reason`. `begun`: a token of the stream had already come."""
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    shown = f"finish reason {reason}" if _SHOWN.fullmatch(reason) else "an unknown finish reason"
    return ProviderFailure(kind, f"its answer is not complete ({shown})", status=200)
