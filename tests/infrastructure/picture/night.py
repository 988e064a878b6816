"""A night in numbers, made up: a version is taken into use at 01:15, OpenAI fails from 03:00 on, and it is 03:45 UTC.

Everything is a function of the minute, counted from midnight, so that sums, rates and tables tell of the same night.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

STEP = 5
"""Minutes between two values."""
NOW, OUTAGE, CANARY, ALL = 225, 180, 75, 90
"""Minutes since midnight: what the picture ends with, and what happens in it."""
OLD, NEW = "41", "42"
"""Versions of the function."""


@dataclass(frozen=True)
class Model:
    """One of the shipped mapping's. Shares are of all requests, times in milliseconds."""

    share: float
    usd: float
    """Of one answer."""
    first: float
    whole: float


MODELS: Mapping[str, Model] = {
    "openai:gpt-4o": Model(0.50, 0.00048, 620, 4_600),
    "openai:gpt-4o-mini": Model(0.30, 0.00004, 430, 2_700),
    "anthropic:claude-sonnet-4-6": Model(0.09, 0.00062, 910, 6_100),
    "anthropic:claude-haiku-4-5": Model(0.05, 0.00021, 520, 3_100),
    "bedrock:us.anthropic.claude-sonnet-4-6": Model(0.03, 0.00062, 1_040, 6_600),
    "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0": Model(0.015, 0.00021, 640, 3_500),
    "bedrock:us.amazon.nova-2-lite-v1:0": Model(0.01, 0.00003, 480, 2_400),
    "bedrock:us.meta.llama3-3-70b-instruct-v1:0": Model(0.005, 0.00020, 700, 3_900),
}
DOWN = ("openai:gpt-4o", "openai:gpt-4o-mini")
TAKES_OVER = {
    "anthropic:claude-sonnet-4-6": ("openai:gpt-4o", 0.94),
    "bedrock:us.anthropic.claude-sonnet-4-6": ("openai:gpt-4o", 0.06),
    "anthropic:claude-haiku-4-5": ("openai:gpt-4o-mini", 0.97),
    "bedrock:us.amazon.nova-2-lite-v1:0": ("openai:gpt-4o-mini", 0.03),
}
"""Who answers in whose place, and for which part of the requests."""


def wobble(minute: int, what: str, much: float = 0.05) -> float:
    """About 1; the same for the same minute and thing."""
    seed = sum(ord(letter) * (place + 7) for place, letter in enumerate(what)) + minute * 37
    return 1 + much * math.sin(seed * 12.9898) * math.cos(seed * 4.1414)


def out(minute: int) -> bool:
    """Whether OpenAI is down."""
    return minute >= OUTAGE


def beginning(minute: int) -> bool:
    """Whether it has just gone down, so that circuits are still closed."""
    return OUTAGE <= minute < OUTAGE + STEP


def requests(minute: int) -> float:
    """In the five minutes from then: few by night, many by day, fewer on two days of seven."""
    day, hour = divmod(minute / 60, 24)
    weekend = 0.72 if day % 7 in {4, 5} else 1
    return (
        weekend
        * (540 + 330 * math.sin((hour - 9) / 24 * math.tau))
        * wobble(minute, "requests")
        * wobble(int(day), "day", 0.12)
    )


def attempts(model: str, minute: int) -> float:
    """How often it is asked. One that is down is asked until its circuit opens, and then once in a while."""
    own = requests(minute) * MODELS[model].share * wobble(minute, model)
    if not out(minute):
        return own
    if model in DOWN:
        return own * 0.4 if beginning(minute) else 5 + round(2 * wobble(minute, model, 1) - 2)
    instead, part = TAKES_OVER.get(model, ("", 0.0))
    return own + (requests(minute) * MODELS[instead].share * part if instead else 0)


def failures(model: str, minute: int) -> float:
    """Of those attempts."""
    if out(minute) and model in DOWN:
        return attempts(model, minute)
    strained = 0.02 if out(minute) and model.startswith("anthropic") else 0.002
    return round(attempts(model, minute) * strained * wobble(minute, model, 0.8))


def fallbacks(minute: int) -> float:
    """Requests that another model answered."""
    down = sum(MODELS[model].share for model in DOWN) if out(minute) else 0.003
    return requests(minute) * down


def errors(minute: int) -> float:
    """Requests that failed."""
    rate = 0.011 if beginning(minute) else 0.004 if out(minute) else 0.002
    return round(requests(minute) * rate * wobble(minute, "errors", 0.6))


def cost(model: str, minute: int) -> float:
    """US dollars, of what was answered."""
    return (attempts(model, minute) - failures(model, minute)) * MODELS[model].usd


def wasted(minute: int) -> float:
    """US dollars that bought nobody an answer: prompts that a model took before it fell silent."""
    lost = sum(failures(model, minute) * MODELS[model].usd for model in MODELS)
    return 0.6 * lost


def spent(minute: int) -> float:
    """US dollars of everything."""
    return sum(cost(model, minute) for model in MODELS) + wasted(minute)


def drilled(minute: int) -> tuple[int, float] | None:
    """What the drill of that minute found, at two o'clock every night: hops that are unproven, and hours since the one
    that was proven longest ago was. One had lost its key, which was given another nine days ago."""
    day, of_day = divmod(minute, 1_440)
    if not 120 <= of_day < 120 + STEP:
        return None
    hours = 24 * (day + 18) if day < -9 else 0.1
    return (1 if hours >= 168 else 0), hours


def slower(model: str, minute: int) -> float:
    """By what a model's times are longer than usual."""
    if not out(minute):
        return 1
    return 1.35 if model.startswith("anthropic") else 1.1
