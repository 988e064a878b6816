"""What callers were told, held against what they asked: lost, late, mixed. Pure.

A question carries words that no other has, and the simulator repeats them, so that an answer says whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NONCE = re.compile(r"\bnonce-[0-9a-f]{12}\b")
LONGEST = 40.0
"""Seconds that a caller waits for an answer, its client's own repetitions included."""


def wording(nonce: str) -> str:
    return f"Tell me about {nonce}, please"


def expected(nonce: str) -> str:
    """The simulator's answer to it."""
    spoken = wording(nonce)
    return f"You said: {spoken}\nThat is all I have to answer to it. Ask me something else whenever you like."


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of one caller, and what came of it."""

    nonce: str
    phase: str
    model: str
    """The deployment that was asked for."""
    stream: bool
    began: float
    """Seconds on the day's clock."""
    seconds: float
    tries: int = 1
    """Requests that its client sent: more than one where it repeated."""
    text: str = ""
    finish: str = ""
    models: tuple[str, ...] = ()
    """Which models the body names as its author."""
    header_model: str = ""
    revision: str = ""
    error: str = ""
    """Why there is no answer; empty: there is one."""


@dataclass(slots=True)
class InForce:
    """A mapping, by its revision: who may answer, and from when until when it may be met."""

    answers: Mapping[str, frozenset[str]]
    """Deployment that is asked for -> models of its chain."""
    since: float
    until: float = float("inf")


@dataclass(slots=True)
class Verdict:
    sent: int = 0
    answered: int = 0
    repeated: int = 0
    """Questions that their client sent more than once."""
    lost: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not (self.lost or self.late or self.mixed)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def judged(asked: Iterable[Asked], mappings: Mapping[str, InForce]) -> dict[str, Verdict]:
    """A verdict for each phase, in the order in which they began."""
    verdicts: dict[str, Verdict] = {}
    seen: set[str] = set()
    for one in sorted(asked, key=lambda one: one.began):
        verdict = verdicts.setdefault(one.phase, Verdict())
        verdict.sent += 1
        verdict.repeated += one.tries > 1
        if one.seconds > LONGEST:
            verdict.late.append(f"{one.nonce}: {one.seconds:.1f} s")
        if one.nonce in seen:
            verdict.mixed.append(f"{one.nonce}: was asked twice")
        seen.add(one.nonce)
        if fault := mixture(one, mappings):
            verdict.mixed.append(f"{one.nonce}: {fault}")
        elif fault := loss(one):
            verdict.lost.append(f"{one.nonce}: {fault}")
        else:
            verdict.answered += 1
    return verdicts


def loss(one: Asked) -> str:
    """Why its caller has no right answer; empty: it has."""
    if one.error:
        return one.error
    if one.finish != "stop":
        return f"ends with {one.finish or 'no finish reason'}"
    return "" if one.text == expected(one.nonce) else f"a wrong answer, {one.text[:60]!r}"


def mixture(one: Asked, mappings: Mapping[str, InForce]) -> str:
    """What in it belongs to another question, model or mapping; empty: nothing."""
    if others := set(NONCE.findall(one.text)) - {one.nonce}:
        return f"holds words of another's question, {min(others)}"
    if one.text.count(one.nonce) > 1:
        return "holds its answer twice"
    if one.error:
        return ""
    if len(set(one.models)) != 1:
        return f"names several models as its author: {', '.join(one.models) or 'none'}"
    (author,) = set(one.models)
    if one.header_model != author:
        return f"its header names {one.header_model or 'no model'}, its body {author}"
    return _foreign(author, one, mappings.get(one.revision))


def _foreign(author: str, one: Asked, mapping: InForce | None) -> str:
    """Why that model and that mapping may not have answered; empty: they may."""
    if mapping is None:
        return f"by the mapping {one.revision or '-'}, which nobody put in force"
    if one.began + one.seconds < mapping.since or one.began > mapping.until:
        return f"by the mapping {one.revision}, which was not in force"
    if author not in mapping.answers.get(one.model, frozenset()):
        return f"{author} answers, which the mapping {one.revision} does not name for {one.model}"
    return ""


def total(verdicts: Mapping[str, Verdict]) -> Verdict:
    whole = Verdict()
    for one in verdicts.values():
        whole.sent += one.sent
        whole.answered += one.answered
        whole.repeated += one.repeated
        whole.lost += one.lost
        whole.late += one.late
        whole.mixed += one.mixed
    return whole
