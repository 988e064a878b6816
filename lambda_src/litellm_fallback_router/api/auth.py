"""Optional API keys: `Authorization: Bearer KEY`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request

_bearer = HTTPBearer(auto_error=False, description="One of GATEWAY_API_KEYS; not needed where none are set.")


class ApiKeys:
    """The keys that may call. Holds their hashes only; with no key at all every caller is let in."""

    def __init__(self, keys: Sequence[str]) -> None:
        if any(not key.strip() for key in keys):
            raise ValueError("an API key is blank: remove it, or set a real one")
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    async def __call__(
        self, request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        """A FastAPI dependency. Leaves a short id of the key, never the key, as `request.state.caller`.

        Without keys of its own it keeps the caller that an authorizer in front has found.
        """
        if not self._digests:
            request.state.caller = getattr(request.state, "caller", None)
            return
        caller = self.caller(sent.credentials if sent else "")
        if caller is None:
            message = "Missing or incorrect API key. Send it as `Authorization: Bearer KEY`."
            raise HTTPException(401, message, headers={"www-authenticate": "Bearer"})
        request.state.caller = caller

    def caller(self, key: str) -> str | None:
        """A short id of `key`; None where it is none of those that may call."""
        digest = hashlib.sha256(key.encode()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex()[:8] if any(matches) else None
