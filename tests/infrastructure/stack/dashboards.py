"""The dashboard of a synthesized template, as CloudWatch would read its body.

Source: CloudWatch API reference, "Dashboard Body Structure and Syntax".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infrastructure.stack.templates import Synthesized, flat

DEFAULT_PERIOD, DEFAULT_STATISTIC = 300, "Average"
_SEARCH = re.compile(r"SEARCH\('\{([^}]+)\} (.+)', '(\S+)', (\d+)\)")
_TERM = re.compile(r'(\w+)="([^"]+)"')


@dataclass(frozen=True)
class Line:
    """A metric of a graph, or a search for metrics."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    """`*`: each value that there is."""
    statistic: str
    period: int
    """Seconds."""
    label: str
    id: str = ""
    visible: bool = True

    @property
    def searched(self) -> list[str]:
        """The dimensions whose values are searched for."""
        return [name for name, value in self.dimensions.items() if value == "*"]


@dataclass(frozen=True)
class Formula:
    """An expression of metrics that are beside it."""

    expression: str
    label: str


@dataclass(frozen=True)
class Widget:
    """What stands in the grid, at its place there."""

    type: str
    x: int
    y: int
    width: int
    height: int
    properties: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Of a text: its text."""
        return str(self.properties.get("title", self.properties.get("markdown", "")))

    @property
    def lines(self) -> list[Line]:
        """The metrics and the searches."""
        return [one for one in self._parsed() if isinstance(one, Line)]

    @property
    def formulas(self) -> list[Formula]:
        """The other expressions."""
        return [one for one in self._parsed() if isinstance(one, Formula)]

    @property
    def thresholds(self) -> list[tuple[float, str]]:
        """Horizontal lines: where, and what they say."""
        drawn = self.properties.get("annotations", {}).get("horizontal", [])
        return [(float(one["value"]), one["label"]) for one in drawn]

    def _parsed(self) -> Iterator[Line | Formula]:
        for entry in self.properties.get("metrics", []):
            options = entry[-1] if isinstance(entry[-1], dict) else {}
            if "expression" not in options:
                yield _line(entry, options)
            elif found := _SEARCH.fullmatch(options["expression"]):
                yield _search(found, options.get("label", ""))
            else:
                yield Formula(options["expression"], options.get("label", ""))


def body(synthesized: Synthesized) -> dict[str, Any]:
    """What CloudFormation gives CloudWatch."""
    parsed: dict[str, Any] = json.loads(flat(synthesized.only("AWS::CloudWatch::Dashboard")["DashboardBody"]))
    return parsed


def widgets(synthesized: Synthesized) -> list[Widget]:
    """In the order of the body."""
    return [Widget(**one) for one in body(synthesized)["widgets"]]


def _line(entry: list[Any], options: Mapping[str, Any]) -> Line:
    namespace, name, *words = [one for one in entry if isinstance(one, str)]
    return Line(
        namespace,
        name,
        dict(zip(words[::2], words[1::2], strict=True)),
        options.get("stat", DEFAULT_STATISTIC),
        options.get("period", DEFAULT_PERIOD),
        options.get("label", name),
        options.get("id", ""),
        options.get("visible", True),
    )


def _search(found: re.Match[str], label: str) -> Line:
    schema, terms, statistic, period = found.groups()
    namespace, *dimensions = schema.split(",")
    given = dict(_TERM.findall(terms))
    name = given.pop("MetricName")
    return Line(namespace, name, dict.fromkeys(dimensions, "*") | given, statistic, int(period), label)
