"""`docs/dashboard.png` is a picture of the dashboard that the template has, with everything that is in its body.

`UPDATE_PICTURES=1` draws it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.failures import FailureKind
from tests.infrastructure.picture.drawing import DIGEST, Picture, columns_of, digest
from tests.infrastructure.picture.samples import OF_SEARCHES, series
from tests.infrastructure.picture.tables import rows
from tests.infrastructure.stack.dashboards import Widget, widgets
from tests.infrastructure.stack.templates import Synthesized
from tests.support.documents import REPOSITORY

PICTURE = REPOSITORY / "docs" / "dashboard.png"


@pytest.fixture
def shown(synthesize: Callable[..., Synthesized], chain_file: Callable[[object], Path]) -> list[Widget]:
    """Of the shipped mapping in production, with a budget and drills."""
    mapping = chain_file({**ROUTER_STYLE_MAPPING, "budgets": {"stage": "60/day"}})
    return widgets(synthesize(stage="prod", reserved_concurrency="50", drill="rate(1 day)", mapping=str(mapping)))


def test_every_widget_with_its_lines_thresholds_and_columns_is_in_the_picture(shown: list[Widget]) -> None:
    picture = Picture(shown)
    texts = picture.texts()
    for widget in shown:
        assert widget.title.removeprefix("## ") in texts
        for line in widget.lines:
            if line.visible and not line.searched:
                assert line.label in texts, f"{widget.title}: {line.label}"
        for label in (*(one.label for one in widget.formulas), *(label for _, label in widget.thresholds)):
            assert label in texts, f"{widget.title}: {label}"
        for name in columns_of(widget.properties["query"]) if widget.type == "log" else []:
            assert name in texts, f"{widget.title}: {name}"
        for alarm in widget.properties.get("alarms", []):
            (name,) = re.findall(r"<(?:Alarms)?(\w+)[0-9A-F]{8}\.Arn>", alarm)
            assert name in texts
    if os.environ.get("UPDATE_PICTURES"):
        PICTURE.write_bytes(picture.png())


def test_the_picture_in_the_docs_is_of_this_dashboard(shown: list[Widget]) -> None:
    with Image.open(PICTURE) as picture:
        drawn = picture.info[DIGEST]
    assert drawn == digest(shown), "the dashboard has changed; UPDATE_PICTURES=1 draws docs/dashboard.png anew"


def test_what_is_drawn_changes_the_digest_of_the_picture(shown: list[Widget]) -> None:
    graph = next(one for one in shown if one.thresholds)
    without = {**graph.properties, "annotations": {}}
    moved = [replace(one, y=one.y + 1) if one is graph else one for one in shown]
    bare = [replace(one, properties=without) if one is graph else one for one in shown]
    assert len({digest(shown), digest(moved), digest(bare)}) == 3


def test_samples_are_such_as_the_gateway_writes(shown: list[Widget]) -> None:
    kinds = {kind.value for kind in FailureKind}
    assert set(OF_SEARCHES["AttemptFailures"]) <= kinds
    for widget in shown:
        if widget.type == "log":
            for row in rows(widget):
                assert list(row) == columns_of(widget.properties["query"])
                assert row.get("outcome", "timeout") in kinds
        elif widget.type == "metric" and widget.properties["view"] == "timeSeries":
            for line in series(widget):
                assert line.times == sorted(set(line.times))
                assert not any(value < 0 for value in line.values)
