"""Optional API keys, each in the header of the format that is asked in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .formats import format_of
from .formats.base import key_in


class ApiKeys:
    """The keys that may call. Holds their hashes only; with no key at all every caller is let in."""

    def __init__(self, keys: Sequence[str]) -> None:
        if any(not key.strip() for key in keys):
            raise ValueError("an API key is blank: remove it, or set a real one")
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    async def __call__(self, request: Request) -> None:
        """A FastAPI dependency. Leaves a short id of the key, never the key, as `request.state.caller`.

        Without keys of its own it keeps the caller that an authorizer in front has found.
        """
        if not self._digests:
            request.state.caller = getattr(request.state, "caller", None)
            return
        headers = format_of(request.scope).keys
        caller = self.caller(key_in(request.scope, headers))
        if caller is None:
            header = headers[0]
            message = f"Missing or incorrect API key. Send it as `{header.example}`."
            raise HTTPException(401, message, headers={"www-authenticate": header.scheme or header.name})
        request.state.caller = caller

    def caller(self, key: str) -> str | None:
        """A short id of `key`; None where it is none of those that may call."""
        digest = hashlib.sha256(key.encode()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex()[:8] if any(matches) else None
