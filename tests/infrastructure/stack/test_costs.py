"""What the documents say of the costs is computed: from the template, the mapping and the price list.

A change that is meant is taken over with `UPDATE_SNAPSHOTS=1 pytest tests/infrastructure/stack/test_costs.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.adapters.cloudwatch import CloudWatchObserver
from litellm_fallback_router.adapters.secrets_manager import MAX_AGE
from tests.infrastructure.stack.costs import (
    FREE,
    LOG_KB,
    MONTH,
    PRICED,
    PRICES,
    SECRET_AGE,
    Bill,
    Traffic,
    table,
    totals,
)
from tests.infrastructure.stack.templates import Synthesized
from tests.support.documents import REPOSITORY, between_markers
from tests.support.scripted import question, rig
from tests.support.virtual_time import run_virtually

README = REPOSITORY / "README.md"
AWS = REPOSITORY / "docs" / "aws.md"
MILLION = Traffic(1e6, 10)


@pytest.fixture
def bill(dev: Synthesized) -> Bill:
    return Bill(dev.template, dev.config)


@pytest.mark.parametrize(("page", "computed"), [(README, totals), (AWS, table)], ids=["README", "aws"])
def test_the_documents_have_the_computed_costs(page: Path, computed: Callable[[Bill], str], bill: Bill) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition("<!-- costs -->")
        after = rest.partition("<!-- /costs -->")[2]
        page.write_text(f"{before}<!-- costs -->\n\n{computed(bill)}\n\n<!-- /costs -->{after}", encoding="utf-8")
    assert between_markers(page, "costs") == computed(bill)


@pytest.mark.parametrize("stage", ["dev", "prod", "buffered"])
def test_every_kind_of_resource_was_thought_of(stage: str, request: pytest.FixtureRequest) -> None:
    synthesized: Synthesized = request.getfixturevalue(stage)
    assert {one["Type"] for one in synthesized.template["Resources"].values()} <= FREE | PRICED
    assert not FREE & PRICED


def test_every_price_is_used_and_has_a_source_and_a_date(bill: Bill) -> None:
    listed = json.loads(PRICES.read_text(encoding="utf-8"))["prices"]
    assert all(one["source"].startswith("https://") and one["usd"] > 0 for one in listed.values())
    assert all(date.fromisoformat(one["seen"]).year >= 2026 for one in listed.values())
    assert bill._price.keys() == listed.keys()
    source = Path(__file__).with_name("costs.py").read_text(encoding="utf-8")
    named = {name for name in listed if f'"{name}"' in source}
    assert listed.keys() - named == {"lambda_gb_second_arm64", "lambda_gb_second_x86_64"}


def test_a_tracing_stage_pays_the_reservoir_before_the_sampled_share(bill: Bill) -> None:
    """A million a month is less than one a second: every one is recorded."""
    assert bill.of(MILLION)["X-Ray"] == pytest.approx(5.0)
    assert bill.of(Traffic(2 * MONTH, 1))["X-Ray"] == pytest.approx(MONTH * 1.05 * 5e-6)


def test_what_the_stack_does_not_have_is_not_paid(synthesize: Callable[..., Synthesized], prod: Synthesized) -> None:
    plain = synthesize(snapstart="off", memory_mb="512", arch="x86_64")
    without = Bill(plain.template, plain.config).of(MILLION)
    assert without["SnapStart's snapshot"] == 0
    assert without["Lambda, while it waits for models"] == pytest.approx(1e7 * 0.5 * 0.0000166667)
    assert without["firewall"] == 0
    assert Bill(prod.template, prod.config).of(MILLION)["firewall"] == pytest.approx(5 + 2 + 0.6)


def test_an_alarm_pays_for_each_metric_it_reads(dev: Synthesized, bill: Bill) -> None:
    plain = dev.of("AWS::CloudWatch::Alarm")
    assert bill.of(MILLION)["CloudWatch, alarms"] == pytest.approx(0.1 * len(plain))
    read: dict[str, Any] = {"MetricStat": {}}
    sums = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"Expression": "a + b"}, read, read]}}
    both = {**dev.template, "Resources": {**dev.template["Resources"], "Sums": sums}}
    assert Bill(both, dev.config).of(MILLION)["CloudWatch, alarms"] == pytest.approx(0.1 * (len(plain) + 2))


def test_a_secret_is_read_as_often_as_the_code_reads_it() -> None:
    assert SECRET_AGE == MAX_AGE


def test_the_gateways_own_log_of_a_request_is_as_long_as_is_paid(capsys: pytest.CaptureFixture[str]) -> None:
    observer = CloudWatchObserver("fallback-router-prod", "INFO")
    asked = question(
        "bedrock-claude-sonnet-west",
        request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        caller="0123456789ab",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )

    async def scenario() -> None:
        rigged = rig("bedrock-claude-sonnet-west")
        await rigged.router.complete(asked)
        for attempt in rigged.notes.attempts:
            observer.attempted(asked, attempt)
        for outcome in rigged.notes.outcomes:
            observer.finished(asked, outcome)

    run_virtually(scenario())
    assert len(capsys.readouterr().out.encode()) / 1000 == pytest.approx(LOG_KB, abs=0.1)
