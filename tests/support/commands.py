"""`fallback-router` in this process."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Arguments (and `stdin`) -> exit code, stdout and stderr."""
