"""Requests of the log, run again under another mapping in virtual time."""

from .picture import draw
from .recorded import Attempt, Request, read_log
from .simulation import Outcome, replayed
from .summary import Summary, recorded_outcomes, summary_of, usd_text
from .virtual_time import VirtualTimeLoop, run_virtually

__all__ = [
    "Attempt",
    "Outcome",
    "Request",
    "Summary",
    "VirtualTimeLoop",
    "draw",
    "read_log",
    "recorded_outcomes",
    "replayed",
    "run_virtually",
    "summary_of",
    "usd_text",
]
