"""Optional API keys, each in the header of the format that is asked in."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope

from ..routing.callers import CallerKey, Priority
from ..routing.ports import CallerKeys
from .formats import format_of
from .formats.base import KeyHeader, key_in
from .pages import refuse_foreign_names


class ApiKeys:
    """The keys that may call: some without limits, and those of `known`, which say what each may do. Holds hashes only;
    with neither every caller is let in."""

    def __init__(
        self, keys: Sequence[str], known: CallerKeys | None = None, *, behind_authorizer: bool = False
    ) -> None:
        """`behind_authorizer`: who may call is decided before this process, as on AWS."""
        if any(not key.strip() for key in keys):
            raise ValueError("an API key is blank: remove it, or set a real one")
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]
        self._known = known
        self._behind_authorizer = behind_authorizer

    async def __call__(self, request: Request) -> None:
        """A FastAPI dependency. Leaves a short id of the key, never the key, as `request.state.caller`, and what the
        key may do as `request.state.key`.

        Without keys of its own it keeps what an authorizer in front has found; where there is none, web pages under
        names of their own are refused.
        """
        if not self._digests and self._known is None:
            if not self._behind_authorizer:
                refuse_foreign_names(request)
            request.state.caller = getattr(request.state, "caller", None)
            request.state.key = getattr(request.state, "key", None)
            return
        found = self._found(request.scope)
        if isinstance(found, str):
            raise _refused(found, format_of(request.scope).keys[0])
        request.state.caller, request.state.key = found.id, found

    def caller(self, scope: Scope) -> str | None:
        """A short id of the request's key; None where it is none of those that may call."""
        found = self._found(scope)
        return None if isinstance(found, str) else found.id

    def gives_way(self, scope: Scope) -> bool:
        """True where the request's key has the priority `batch`."""
        found = self._found(scope)
        return isinstance(found, CallerKey) and found.priority is Priority.BATCH

    def _found(self, scope: Scope) -> CallerKey | str:
        """What the request's key may do, or why it may not call. Looked up once for each request."""
        state = scope.setdefault("state", {})
        if "found_key" not in state:
            state["found_key"] = self._looked_up(key_in(scope, format_of(scope).keys))
        found: CallerKey | str = state["found_key"]
        return found

    def _looked_up(self, key: str) -> CallerKey | str:
        digest = hashlib.sha256(key.encode()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if any(matches):
            return CallerKey(digest.hex()[:8])
        # Looked up by hash, of which the time taken tells nothing about any key.
        entry = None if self._known is None else self._known.find(digest.hex())
        if entry is None:
            return "Missing or incorrect API key."
        state = entry.state(time.time())
        return entry.key if state == "active" else f"This API key is {state}: ask for a new one."


def _refused(why: str, header: KeyHeader) -> HTTPException:
    message = f"{why} Send it as `{header.example}`."
    return HTTPException(401, message, headers={"www-authenticate": header.scheme or header.name})
