"""Every row of the failure table, through the real gateway: what the caller saw and what the providers saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from local.simulator import SimulatorControl
from local.simulator.record import RequestRecord
from tests.integration.rows import ROWS, Row, key, mapping
from tests.support.gateway import Gateway, gateway_process

QUESTION = "Count to 60"
ANSWER = ", ".join(str(n) for n in range(1, 61)) + "."
CASES = [pytest.param(row, streaming, id=key(row, streaming=streaming)) for row in ROWS for streaming in row.streaming]


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rows")
    with gateway_process(folder, mapping(), simulator_url=simulator.url) as running:
        yield running


@dataclass
class Seen:
    """What the caller saw."""

    text: str
    provider: str
    model: str
    attempts: int
    fallback: bool
    finish_reason: str | None


def ask(gateway: Gateway, model: str, *, streaming: bool) -> Seen:
    raw = gateway.client().chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], stream=streaming
    )
    parsed: Any = raw.parse()
    headers = raw.headers
    if streaming:
        chunks = list(parsed)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        finish = chunks[-1].choices[0].finish_reason
    else:
        text, finish = parsed.choices[0].message.content or "", parsed.choices[0].finish_reason
    return Seen(
        text,
        headers["x-router-provider"],
        headers["x-router-model"],
        int(headers["x-router-attempts"]),
        headers["x-router-fallback"] == "true",
        finish,
    )


def asked(simulator: SimulatorControl, chain: str) -> dict[str, list[RequestRecord]]:
    """The requests the providers got, by the chain's part."""
    parts: dict[str, list[RequestRecord]] = {"primary": [], "sibling": [], "backup": []}
    for record in simulator.requests():
        name, _, part = (record.model or "").rpartition("-")
        if name == f"sim-{chain}":
            parts[part].append(record)
    return parts


@pytest.mark.parametrize(("row", "streaming"), CASES)
def test_row(row: Row, streaming: bool, gateway: Gateway, simulator: SimulatorControl) -> None:
    chain = key(row, streaming=streaming)
    simulator.inject(row.fault, model=f"sim-{chain}-primary", times=row.times)

    seen = ask(gateway, f"{chain}-primary", streaming=streaming)

    assert seen.text == ANSWER
    assert seen.finish_reason == "stop"
    parts = asked(simulator, chain)
    primary = parts["primary"]
    assert len(primary) == row.calls
    assert len(parts["sibling"]) == (1 if row.answers == "sibling" else 0)
    assert len(parts["backup"]) == (1 if row.answers == "backup" else 0)
    total = row.calls + (0 if row.answers == "primary" else 1)
    first_model = f"sim-{chain}-primary" if row.resumed else f"sim-{chain}-{row.answers}"
    assert seen.model == first_model
    if not row.resumed:
        assert (seen.attempts, seen.fallback) == (total, row.answers != "primary")
    for earlier, later in pairwise(primary):
        assert earlier.finished is not None, "two attempts of one request never overlap"
        assert later.arrived >= earlier.finished + row.spacing
