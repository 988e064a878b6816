"""Every metric, once: name, unit, dimensions. The running code emits these, and the dashboard and alarms read these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMESPACE = "LLMFallbackRouter"
SERVICE = "service"
"""The dimension that every dimension set begins with: the stage that speaks, so that stages share an account."""

_WHOLE: tuple[tuple[str, ...], ...] = ((),)
_BY_MODEL: tuple[tuple[str, ...], ...] = (("provider", "model"),)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Each value of a dimension set in use costs as one CloudWatch metric, so there are only those that an
    alarm or the dashboard reads."""

    name: str
    unit: str
    """As CloudWatch spells it: `Count`, `Milliseconds`, `None` (US dollars)."""
    meaning: str
    sets: tuple[tuple[str, ...], ...] = _WHOLE
    """Dimension sets beyond `SERVICE`; the empty one is the total of a stage."""


_LIST = (
    # One value for each request, 0 included: the average is the rate.
    Metric("Requests", "Count", "requests that ended, however"),
    Metric("RequestErrors", "Count", "requests answered with a 5xx or a 429", ((), ("code",))),
    Metric("ChainsExhausted", "Count", "requests that no candidate could answer"),
    Metric("DeadlinesMissed", "Count", "requests whose time ran out"),
    Metric("Fallbacks", "Count", "answers from another model than the one asked for"),
    Metric("FallbackDepth", "Count", "deployments given up before the one that answered"),
    Metric("ResumedStreams", "Count", "streams that broke and were continued by another deployment"),
    Metric("Latency", "Milliseconds", "from the request to the end of its answer or error"),
    Metric("ColdStarts", "Count", "requests that were the first of their environment"),
    # One value for each attempt: how many samples AttemptFailures has is how many attempts there were.
    Metric("AttemptFailures", "Count", "attempts that failed, of all", (*_BY_MODEL, ("kind",))),
    Metric("AttemptLatency", "Milliseconds", "from sending an attempt to the end of its answer", _BY_MODEL),
    Metric("TimeToFirstToken", "Milliseconds", "from sending an attempt to its first token", _BY_MODEL),
    Metric("InputTokens", "Count", "prompt tokens, cached ones included"),
    Metric("OutputTokens", "Count", "completion tokens"),
    Metric("CostUsd", "None", "US dollars of everything that was attempted", (*_WHOLE, *_BY_MODEL)),
    Metric("WastedCostUsd", "None", "the part of CostUsd that bought the caller nothing"),
    # Rare events.
    Metric("CircuitTransitions", "Count", "changes of a circuit's state", (("deployment", "state"),)),
    Metric("StateUnavailable", "Count", "times the state table was slow or out of reach and memory took its place"),
)
_GUARDRAIL = (
    # One value for each request.
    Metric("GuardrailBlocks", "Count", "requests or answers that the guardrail blocked", ((), ("source",))),
    Metric("GuardrailMasks", "Count", "requests or answers that the guardrail masked"),
    Metric("GuardrailLatency", "Milliseconds", "what a request spent on the guardrail's verdicts"),
    Metric("GuardrailUnits", "Count", "units that the guardrail billed", ((), ("policy",))),
    Metric("GuardrailUnreachable", "Count", "requests for which the guardrail gave no verdict"),
)
_CACHE = (
    # One value for each request that takes part in the response cache.
    Metric("CacheHits", "Count", "requests that were given an earlier answer"),
    Metric("CacheStores", "Count", "answers that are given again from then on"),
)
_DRILL = (
    # One value for each drill of a stage.
    Metric("HopsUnproven", "Count", "deployments that no drill has proven for 7 days"),
    Metric("HoursSinceProven", "Count", "hours since the deployment that was proven longest ago was; 168 for never"),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*_LIST, *_GUARDRAIL, *_CACHE, *_DRILL)}
"""By name."""
DRILL_METRICS = frozenset(metric.name for metric in _DRILL)
"""Those that are emitted only where the stage drills."""
CACHE_METRICS = frozenset(metric.name for metric in _CACHE)
"""Those that are emitted only where the mapping has a response cache."""
GUARDRAIL_METRICS = frozenset(metric.name for metric in _GUARDRAIL)
"""Those that are emitted only where the mapping has a guardrail."""
