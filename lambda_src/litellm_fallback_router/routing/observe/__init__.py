"""What is reported of requests: metrics, and samples of answers as evaluations take them."""

from .history import history_of
from .live import Event, LiveObserver, TooManyViewersError
from .measured import Measured, is_fault, measured_attempt, measured_request
from .metrics import DRILL_METRICS, METRICS, NAMESPACE, SERVICE
from .samples import MAX_LINES, Sample, as_prompt, identifier, response_line, sample_of

__all__ = [
    "DRILL_METRICS",
    "MAX_LINES",
    "METRICS",
    "NAMESPACE",
    "SERVICE",
    "Event",
    "LiveObserver",
    "Measured",
    "Sample",
    "TooManyViewersError",
    "as_prompt",
    "history_of",
    "identifier",
    "is_fault",
    "measured_attempt",
    "measured_request",
    "response_line",
    "sample_of",
]
