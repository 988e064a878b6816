"""What the tests of interceptors share."""

from __future__ import annotations

import pytest

from litellm_fallback_router.routing import router as routers
from litellm_fallback_router.routing.interceptors.protocol import Interceptor


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[Interceptor]:
    """The interceptors of every request of the test."""
    chosen: list[Interceptor] = []
    monkeypatch.setattr(routers, "interceptors", lambda *_: chosen)
    return chosen
