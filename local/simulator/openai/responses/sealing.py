"""Encrypted reasoning: what only the organization that it was made for can bring back."""

import base64
import hashlib

from local.simulator.openai.errors import refuse

_MARK = "gAAAA"
"""How the API's own begins (openai/codex issue 8145)."""


def seal(thought: str, organization: str) -> str:
    """The thought of a model, as it stands in `encrypted_content`."""
    shut = b"|".join((_digest(organization), _digest(f"{organization} {thought}"), base64.b64encode(thought.encode())))
    return _MARK + base64.urlsafe_b64encode(shut).decode()


def check_seal(sealed: str, organization: str, item_id: str | None) -> None:
    """Raises ApiError for what was not sealed here for this organization.

    Sources of code and texts: openai/codex issue 13724 (another organization), Wei-Shaw/sub2api issue 3038 (not ours),
    QuantumNous/new-api issue 4662 (an item that has an id).
    """
    parts = _open(sealed)
    if parts is None:
        reason = "Encrypted content could not be decrypted or parsed."
    elif parts[0] != _digest(organization):
        reason = "Encrypted content organization_id did not match the target organization."
    elif parts[1] != _digest(f"{organization} {base64.b64decode(parts[2]).decode()}"):
        reason = "Encrypted content could not be decrypted or parsed."
    else:
        return
    named = f"for item {item_id}" if item_id else f"{sealed[:4]}...{sealed[-4:]}"
    text = f"The encrypted content {named} could not be verified. Reason: {reason}"
    raise refuse(text, code="invalid_encrypted_content")


def _open(sealed: str) -> list[bytes] | None:
    if not sealed.startswith(_MARK):
        return None
    try:
        parts = base64.b64decode(sealed.removeprefix(_MARK), altchars=b"-_", validate=True).split(b"|")
        base64.b64decode(parts[-1], validate=True).decode()
    except ValueError:
        return None
    return parts if len(parts) == 3 else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(f"sealed for {text}".encode()).hexdigest()[:16].encode()
