"""What the tables of the dashboard say of that night."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.infrastructure.picture import night
from tests.infrastructure.picture.night import NOW, STEP
from tests.infrastructure.stack.dashboards import Widget

Rows = list[dict[str, str]]
CALLERS = {"support-chat": 0.46, "document-search": 0.29, "invoices": 0.16, "nightly-report": 0.09}
"""Their shares of all requests."""
SHOWN = 11
"""Rows that fit; the console scrolls."""


def rows(widget: Widget) -> Rows:
    """Newest or dearest first, each with every column of the widget's query."""
    return ROWS[widget.title]()


def _by_caller() -> Rows:
    minutes = range(NOW - 180, NOW, STEP)
    usd, wasted, requests = (
        sum(of(minute) for minute in minutes) for of in (night.spent, night.wasted, night.requests)
    )
    return [
        {
            "who": who,
            "usd": f"{usd * share:.4f}",
            "wasted": f"{wasted * share:.4f}",
            "requests": f"{requests * share:.0f}",
        }
        for who, share in CALLERS.items()
    ]


def _failed_attempts() -> Rows:
    found = []
    for number in range(SHOWN):
        second = 44 * 60 + 51 - 31 * number
        late = number % 5 == 2
        found.append(
            {
                "@timestamp": f"03:{second // 60:02}:{second % 60:02}",
                "request_id": f"req-{0x8F21C0 - number * 0x1D3B7:06x}",
                "provider": "openai",
                "model": "gpt-4o-mini" if number % 3 == 1 else "gpt-4o",
                "outcome": "timeout" if late else "unavailable",
                "status": "" if late else "503",
                "reason": "no first token in 10 s" if late else "service unavailable",
            }
        )
    return found


def _failed_requests() -> Rows:
    times = [minute for minute in range(NOW - STEP, NOW - 180, -STEP) if night.errors(minute) >= 1][:SHOWN]
    found = []
    for number, minute in enumerate(times):
        late = night.beginning(minute)
        found.append(
            {
                "@timestamp": f"{minute // 60:02}:{minute % 60 + number % STEP:02}:{(17 * number + 8) % 60:02}",
                "request_id": f"req-{0x2C60F8 + number * 0x3A91D:06x}",
                "caller": f"key-{number * 3 % 7 + 1}",
                "requested_model": "openai-gpt4o",
                "status": "504" if late else "429",
                "code": "deadline_exceeded" if late else "rate_limit_exceeded",
                "attempts": "2" if late else "3",
                "seconds": "20.0" if late else f"{4 + number * 0.7:.1f}",
            }
        )
    return found


ROWS: Mapping[str, Callable[[], Rows]] = {
    "US dollars by caller, in this time": _by_caller,
    "Failed attempts": _failed_attempts,
    "Failed requests": _failed_requests,
}
"""By title."""
