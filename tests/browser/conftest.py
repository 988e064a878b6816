"""The simulator for the browser's tests."""

from __future__ import annotations

from tests.integration.conftest import simulator

__all__ = ["simulator"]
