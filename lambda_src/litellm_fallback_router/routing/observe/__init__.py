"""What is told of requests: metrics, samples, and answers as evaluations take them."""

from .metrics import METRICS, NAMESPACE, SERVICE, steady_metrics
from .responses import MAX_LINES, as_prompt, identifier, response_line
from .samples import Sample, StreamAccumulator, sample_of

__all__ = [
    "MAX_LINES",
    "METRICS",
    "NAMESPACE",
    "SERVICE",
    "Sample",
    "StreamAccumulator",
    "as_prompt",
    "identifier",
    "response_line",
    "sample_of",
    "steady_metrics",
]
