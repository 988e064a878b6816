"""What a guardrail said of a request and its answer: values that the ledger, the results and the adapters share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What a guardrail made of a text, the mildest first."""

    PASSED = "passed"
    MASKED = "masked"
    UNCHECKED = "unchecked"
    """It was let through unchecked, as the mapping says (`on_unreachable: fail_open`, `stream_window: off`)."""
    BLOCKED = "blocked"


SEVERITY = tuple(Outcome)


def worst(*outcomes: Outcome | None) -> Outcome | None:
    """The gravest of them; None where there is none."""
    known = [outcome for outcome in outcomes if outcome is not None]
    return max(known, key=SEVERITY.index, default=None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guardrail said of some texts."""

    outcome: Outcome
    texts: tuple[str, ...] = field(default=(), repr=False)
    """The texts as they may go on, in the order in which they were asked about; none where it blocked."""
    message: str = ""
    """The guardrail's own words, where it blocked."""
    reasons: tuple[str, ...] = ()
    """Which of its policies intervened, for the operator: `content: VIOLENCE`. Never the text that matched."""
    units: Mapping[str, int] = field(default_factory=dict)
    """Units it billed, by policy."""


class GuardUnreachableError(Exception):
    """The guardrail gave no verdict. `str(error)` says why, without any of the text."""


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """What the guardrail did about one request: its line in the ledger."""

    input: Outcome | None = None
    output: Outcome | None = None
    """None: there was no output to check."""
    checks: int = 0
    """Times it was asked."""
    seconds: float = 0.0
    """Spent on its verdicts, the request waiting."""
    units: Mapping[str, int] = field(default_factory=dict)
    """Units it billed, by policy."""
    reasons: tuple[str, ...] = ()
    """Which policies intervened, for the operator."""
    unreachable: str = ""
    """Why it gave no verdict, for the operator; empty: it always did."""

    @property
    def outcome(self) -> Outcome:
        return worst(self.input, self.output) or Outcome.PASSED

    def to_json(self) -> dict[str, object]:
        """As callers see it: without which policy it was."""
        return {
            "outcome": self.outcome.value,
            "input": self.input and self.input.value,
            "output": self.output and self.output.value,
            "checks": self.checks,
            "seconds": round(self.seconds, 3),
            "units": sum(self.units.values()),
        }
