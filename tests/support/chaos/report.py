"""What the day is told as: a table for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.chaos.judge import Verdict, total

COLUMNS = ("sent", "answered", "repeated", "lost", "late", "mixed")


def _row(name: str, verdict: Verdict) -> str:
    numbers = (verdict.sent, verdict.answered, verdict.repeated, *map(len, (verdict.lost, verdict.late, verdict.mixed)))
    return f"{name:<28}" + "".join(f"{number:>10}" for number in numbers)


def table(verdicts: Mapping[str, Verdict], told: Sequence[str]) -> str:
    """`told`: what else was seen, a sentence each."""
    lines = [f"{'phase':<28}" + "".join(f"{name:>10}" for name in COLUMNS)]
    lines += [_row(name, one) for name, one in verdicts.items()]
    whole = total(verdicts)
    lines.append(_row("the whole day", whole))
    lines += [f"- {one}" for one in told]
    lines += [f"! {one}" for one in [*whole.lost, *whole.late, *whole.mixed]]
    return "\n".join(lines)


def write(file: Path, verdicts: Mapping[str, Verdict], told: Sequence[str], seconds: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = total(verdicts)
    report = {
        "seconds": round(seconds, 1),
        "well": whole.well,
        "total": whole.to_json(),
        "phases": {name: one.to_json() for name, one in verdicts.items()},
        "seen": list(told),
    }
    file.write_text(json.dumps(report, indent=2) + "\n")
