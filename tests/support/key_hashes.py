"""Callers' keys as they are stored."""

from __future__ import annotations

import hashlib


def hash_of(key: str) -> str:
    """What a caller's key is stored under. A key is 256 random bits: no salt or slow hash makes it safer."""
    return hashlib.sha256(key.encode()).hexdigest()
