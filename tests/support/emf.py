"""CloudWatch's part of a metric: what a log line in its embedded metric format says becomes a value.

Source: Amazon CloudWatch user guide, "Embedded metric format specification".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

OFTEN = 0.5
MOST = 500
"""Values of one PutMetricData, which takes 1,000."""


Log = Callable[[], Mapping[str, str]]
"""All that is in a log so far: an id -> the line."""


def lines_of(file: Path) -> Mapping[str, str]:
    """The lines of a file that are complete."""
    return {str(number): line for number, line in enumerate(file.read_text().splitlines(keepends=True)) if "\n" in line}


def values_of(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Namespace and value, for each metric and each of its sets of dimensions; none where the line is no metric."""
    try:
        told = json.loads(line)
        directives = told["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": told[name]} for name in names]
            for metric in directive["Metrics"]:
                given = told[metric["Name"]]
                values = given if isinstance(given, list) else [given]
                named = {"MetricName": metric["Name"], "Dimensions": dimensions, "Unit": metric["Unit"]}
                yield directive["Namespace"], {**named, "Values": values}


@contextmanager
def extracted(log: Log, cloudwatch: Any) -> Iterator[None]:
    """Every metric of the log reaches CloudWatch within a second or so, while the context lasts."""
    stop, faults = Event(), []

    def follow() -> None:
        read: set[str] = set()
        while not stop.wait(OFTEN):
            found = log()
            for namespace, values in _by_namespace(line for id, line in found.items() if id not in read):
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=values)
            read |= found.keys()

    def followed() -> None:
        try:
            follow()
        except Exception as error:  # noqa: BLE001 - raised in the test
            faults.append(error)

    thread = Thread(target=followed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    if faults:
        raise faults[0]


def _by_namespace(lines: Iterable[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        for namespace, value in values_of(line):
            grouped.setdefault(namespace, []).append(value)
    for namespace, values in grouped.items():
        remaining = iter(values)
        while batch := list(islice(remaining, MOST)):
            yield namespace, batch
