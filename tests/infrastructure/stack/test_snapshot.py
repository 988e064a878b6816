"""The whole template, so that no change of it goes unseen.

A change that is meant is taken over with `UPDATE_SNAPSHOTS=1 pytest tests/infrastructure/stack/test_snapshot.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.infrastructure.stack.templates import Synthesized, masked

SNAPSHOTS = Path(__file__).with_name("snapshots")


@pytest.mark.parametrize("stage", ["dev", "prod", "buffered"])
def test_template_is_the_reviewed_one(stage: str, request: pytest.FixtureRequest) -> None:
    synthesized: Synthesized = request.getfixturevalue(stage)
    snapshot = SNAPSHOTS / f"{stage}.json"
    found = masked(synthesized.template)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        snapshot.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert found == json.loads(snapshot.read_text())
