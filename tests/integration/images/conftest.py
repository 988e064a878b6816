"""Loopback in the place of the internet."""

from __future__ import annotations

import pytest

from litellm_fallback_router.adapters import image_fetch


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback passes for the public internet."""
    monkeypatch.setattr(image_fetch, "is_public", lambda address: address in ("127.0.0.1", "::1"))
