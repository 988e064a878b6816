"""What each metric and number of the dashboard shows in that night. A metric that is not here is an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.infrastructure.picture import night
from tests.infrastructure.picture.night import MODELS, NOW, STEP
from tests.infrastructure.stack.dashboards import Line, Widget

RANGES = {None: 180, "-PT24H": 24 * 60, "-P14D": 14 * 24 * 60}
"""Minutes that a widget looks back, by its `start`; None: as far as the dashboard, whose own default is three hours."""
OF_SEARCHES = {
    "RequestErrors": ("deadline_exceeded", "rate_limit_exceeded"),
    "AttemptFailures": ("unavailable", "timeout", "rate_limited"),
    "Invocations": (night.OLD, night.NEW),
    "CircuitTransitions": ("openai-gpt4o open", "openai-gpt4o-mini open"),
}
"""Which values a search finds."""
ALARMS_RINGING = ("Fallbacks",)
NOTHING = float("nan")
"""No value was sent."""


@dataclass(frozen=True)
class Series:
    """A line of a graph; times in minutes since midnight."""

    label: str
    times: list[int]
    values: list[float]


def series(widget: Widget) -> list[Series]:
    """The lines of a graph, in the order of its metrics."""
    first = NOW - RANGES[widget.properties.get("start")]
    found = []
    for line in widget.lines:
        if not line.visible:
            continue
        for value in OF_SEARCHES[line.name] if line.searched else ("",):
            step = max(STEP, line.period // 60)
            times = list(range(first - first % step, NOW, step))
            label = _label(line, value)
            found.append(Series(label, times, [over(line, value, time, min(time + step, NOW)) for time in times]))
    return found


def numbers(widget: Widget) -> list[tuple[str, float]]:
    """What a widget of numbers says."""
    if widget.formulas:
        hidden = {one.id: one for one in widget.lines}
        found = []
        for formula in widget.formulas:
            line = next(one for id, one in hidden.items() if f"({id})" in formula.expression)
            times, _, _ = formula.expression.rpartition(" * RUNNING_SUM")
            found.append((formula.label, float(times or 1) * over(line, "", 0, NOW)))
        return found
    return [(line.label, over(line, "", NOW - RANGES[None], NOW)) for line in widget.lines]


def over(line: Line, value: str, start: int, end: int) -> float:
    """The line's statistic of those minutes; `value`: of the dimension that is searched."""
    minutes = range(start, end, STEP)
    if line.statistic in {"Sum", "SampleCount"}:
        return sum(_amount(line, value, minute) for minute in minutes)
    found = [level for minute in minutes if not math.isnan(level := _level(line, minute))]
    if not found:
        return NOTHING
    return max(found) if line.statistic == "Maximum" else sum(found) / len(found)


def _label(line: Line, value: str) -> str:
    return line.label.replace("${PROP('Dim.ExecutedVersion')}", value) or value


def _model(line: Line) -> str:
    return f"{line.dimensions['provider']}:{line.dimensions['model']}"


def _amount(line: Line, value: str, minute: int) -> float:
    if "model" in line.dimensions:
        model = _model(line)
        of_model: dict[str, Callable[[str, int], float]] = {"CostUsd": night.cost}
        if line.name == "AttemptFailures":
            return (night.attempts if line.statistic == "SampleCount" else night.failures)(model, minute)
        return of_model[line.name](model, minute)
    if value:
        return _OF_VALUE[line.name](value, minute)
    return _AMOUNTS[line.namespace, line.name](minute)


def _version(value: str, minute: int) -> float:
    new = 0 if minute < night.CANARY else 0.1 if minute < night.ALL else 1
    return night.requests(minute) * (new if value == night.NEW else 1 - new)


def _kind(value: str, minute: int) -> float:
    failed = sum(night.failures(model, minute) for model in MODELS) or NOTHING
    limited = sum(night.failures(model, minute) for model in MODELS if model not in night.DOWN)
    parts = {"rate_limited": limited, "timeout": 0.2 * (failed - limited), "unavailable": 0.8 * (failed - limited)}
    return parts[value]


def _code(value: str, minute: int) -> float:
    late = 0.5 if night.beginning(minute) else 0
    return night.errors(minute) * (late if value == "deadline_exceeded" else 1 - late)


_OF_VALUE: Mapping[str, Callable[[str, int], float]] = {
    "RequestErrors": _code,
    "AttemptFailures": _kind,
    "Invocations": _version,
    "CircuitTransitions": lambda _, minute: 1 if night.beginning(minute) else NOTHING,
}
_OURS, _LAMBDA, _API = "LLMFallbackRouter", "AWS/Lambda", "AWS/ApiGateway"
_AMOUNTS: Mapping[tuple[str, str], Callable[[int], float]] = {
    (_OURS, "Requests"): night.requests,
    (_OURS, "ChainsExhausted"): lambda minute: 0,
    (_OURS, "DeadlinesMissed"): lambda minute: _code("deadline_exceeded", minute),
    (_OURS, "Fallbacks"): night.fallbacks,
    (_OURS, "ResumedStreams"): lambda minute: 9 if night.beginning(minute) else 0,
    (_OURS, "CostUsd"): night.spent,
    (_OURS, "WastedCostUsd"): night.wasted,
    (_OURS, "InputTokens"): lambda minute: 940 * night.requests(minute),
    (_OURS, "OutputTokens"): lambda minute: 215 * night.requests(minute) * night.wobble(minute, "output"),
    (_OURS, "ColdStarts"): lambda minute: 14 if night.ALL <= minute < night.ALL + STEP else 6 * night.beginning(minute),
    (_OURS, "StateUnavailable"): lambda minute: NOTHING,
    (_LAMBDA, "Invocations"): lambda minute: 1.01 * night.requests(minute),
    (_LAMBDA, "Errors"): lambda minute: 0,
    (_LAMBDA, "Throttles"): lambda minute: 0,
    (_API, "Count"): lambda minute: 1.02 * night.requests(minute),
    (_API, "4XXError"): lambda minute: round(0.012 * night.requests(minute) * night.wobble(minute, "4xx", 0.5)),
    (_API, "5XXError"): lambda minute: _code("deadline_exceeded", minute),
}


def _level(line: Line, minute: int) -> float:
    """A rate, a time or a count of what is there at once."""
    if "model" in line.dimensions:
        return _time_of_model(line, minute)
    late = {"p50": 0.42, "p90": 1.0, "p99": 2.4}.get(line.statistic, 0)
    whole = 5_900 * night.wobble(minute, line.statistic) * (1.3 if night.out(minute) else 1)
    if night.beginning(minute) and line.statistic == "p99":
        whole += 9_000
    concurrent = night.requests(minute) / 300 * 6.2 * (1.4 if night.out(minute) else 1) * 2.1
    unproven, hours = night.drilled(minute) or (NOTHING, NOTHING)
    levels: dict[tuple[str, str], float] = {
        (_OURS, "RequestErrors"): night.errors(minute) / night.requests(minute),
        (_OURS, "Fallbacks"): night.fallbacks(minute) / night.requests(minute),
        (_OURS, "FallbackDepth"): 2 if night.out(minute) else 1,
        (_OURS, "Latency"): whole * late,
        (_OURS, "HopsUnproven"): unproven,
        (_OURS, "HoursSinceProven"): hours,
        (_LAMBDA, "Duration"): whole * late + 40,
        (_LAMBDA, "ConcurrentExecutions"): round(concurrent),
        (_LAMBDA, "ClaimedAccountConcurrency"): round(concurrent + 118),
        (_API, "5XXError"): _code("deadline_exceeded", minute) / night.requests(minute),
        (_API, "Latency"): whole * late + 95,
    }
    return levels[line.namespace, line.name]


def _time_of_model(line: Line, minute: int) -> float:
    model = _model(line)
    usual = {"AttemptLatency": MODELS[model].whole, "TimeToFirstToken": MODELS[model].first}[line.name]
    if night.out(minute) and model in night.DOWN:
        return NOTHING  # only an answer has these times
    tail = {"p90": 1.0, "p99": 2.6}[line.statistic]
    return usual * tail * night.slower(model, minute) * night.wobble(minute, model, 0.08 * tail)
