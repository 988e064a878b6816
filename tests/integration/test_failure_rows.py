"""Every row of the failure table, in every format of text, through the real gateway: what the caller saw and what the
providers saw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from local.simulator import SimulatorControl
from local.simulator.record import RequestRecord
from tests.integration.rows import ROWS, Row, key, mapping
from tests.integration.text_formats import FORMATS
from tests.support.gateway import Gateway, gateway_process

QUESTION = "Count to 60"
ANSWER = ", ".join(str(n) for n in range(1, 61)) + "."
CASES = [
    pytest.param(row, form, streaming, id=key(row, form, streaming=streaming))
    for row in ROWS
    for form in FORMATS
    for streaming in row.streaming
]


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rows")
    with gateway_process(folder, mapping(FORMATS), simulator_url=simulator.url) as running:
        yield running


def asked(simulator: SimulatorControl, chain: str) -> dict[str, list[RequestRecord]]:
    """The requests the providers got, by the chain's part."""
    parts: dict[str, list[RequestRecord]] = {"primary": [], "sibling": [], "backup": []}
    for record in simulator.requests():
        name, _, part = (record.model or "").rpartition("-")
        if name == f"sim-{chain}":
            parts[part].append(record)
    return parts


@pytest.mark.parametrize(("row", "form", "streaming"), CASES)
def test_row(row: Row, form: str, streaming: bool, gateway: Gateway, simulator: SimulatorControl) -> None:
    chain = key(row, form, streaming=streaming)
    simulator.inject(row.fault, model=f"sim-{chain}-primary", times=row.times)

    seen = FORMATS[form](gateway, f"{chain}-primary", QUESTION, streaming=streaming)

    assert seen.text == ANSWER
    assert seen.complete
    parts = asked(simulator, chain)
    primary = parts["primary"]
    assert len(primary) == row.calls
    assert len(parts["sibling"]) == (1 if row.answers == "sibling" else 0)
    assert len(parts["backup"]) == (1 if row.answers == "backup" else 0)
    total = row.calls + (0 if row.answers == "primary" else 1)
    first_model = f"sim-{chain}-primary" if row.resumed else f"sim-{chain}-{row.answers}"
    assert seen.model == first_model
    if row.resumed:
        assert seen.responders == 2
    else:
        assert (seen.attempts, seen.fallback) == (total, row.answers != "primary")
    for earlier, later in pairwise(primary):
        assert earlier.finished is not None, "two attempts of one request never overlap"
        assert later.arrived >= earlier.finished + row.spacing
