"""A chaos day on a local AWS: `make chaos`. Two fleets share a state table, callers ask all the time, and everything
that an operator fears happens within minutes. No question may be lost, late or mixed.

What the local AWS cannot do is said in docs/proof.md: it has no CodeDeploy, and one version gets an alias's requests.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from litellm_fallback_router.routing.mapping import revision_of
from local.simulator.faults import Fault
from tests.support.chaos.callers import steady
from tests.support.chaos.container import START_SECONDS
from tests.support.chaos.fleets import APPCONFIG_SECONDS, QUICK, Fleets, fleets
from tests.support.chaos.judge import judged, total
from tests.support.chaos.report import table, write
from tests.support.deployed import KEYS
from tests.support.live_stage import LiveStage, ask
from tests.support.ministack import ROOT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
REPORT = ROOT / "build" / "chaos.json"
ASKED = ("openai-gpt4o", "anthropic-claude-sonnet", "cost-optimized")
KEYS_OF_CALLERS = 2
"""Of two callers each."""
WARM_SECONDS = 2.0
RELOADS = 12
CALM, LASTS = 4.0, 7.0
"""Seconds of a phase in which nothing else ends it."""
BAD = "sim-retired"
"""A model that its provider no longer has."""
PHASES = 9
MAY_REPEAT = {"state table gone", "a process killed", "a bad version"}
"""Phases in which a fleet itself is gone, and the callers' clients have to ask again."""
REPEATED = 0.02
"""Of the requests of any other phase, at most: on a busy machine a function may start longer than a client waits."""


class ChaosDay:
    def __init__(self, both: Fleets) -> None:
        self.both = both
        self.simulator = both.stage.gateway.simulator
        self.aws = both.stage.gateway.aws
        self.seen: list[str] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[float]:
        """Gives when it began. At its end the providers are well again, and their keys those of before."""
        self.both.day.phase = name
        yield self.both.day.now()
        self.simulator.reset()

    def lasts(self) -> None:
        """All of it, one after the other."""
        self.calm("calm")
        self.canary_and_reloads()
        self.provider("a provider dead", Fault(kind="status", status=503))
        self.provider("a provider hanging", Fault(kind="silence"))
        self.revoked_key()
        self.table_gone()
        self.process_killed()
        self.bad_version()
        self.canary_is_gone()

    def calm(self, name: str) -> None:
        with self.phase(name):
            time.sleep(CALM)

    def canary_and_reloads(self) -> None:
        """AppConfig rolls a mapping out on Lambda whose first model is gone, while the container's file changes."""
        stage, both = self.both.stage, self.both
        place = stage.place
        self.aws.client("appconfig").update_deployment_strategy(
            DeploymentStrategyId=place.step_by_step, DeploymentDurationInMinutes=1
        )
        canary = both.mapping(openai_gpt4o=BAD)
        with self.phase("canary and reloads") as since:
            self.simulator.inject(Fault(kind="model_not_found"), provider="openai", model=BAD)
            tried = both.in_force(canary)
            stage.done("push", canary)
            base = current = both.in_force(both.mapping())
            reloads = 0
            while not (reached := self._reached(canary, since)) or reloads < RELOADS:
                assert both.day.now() - since < 2 * APPCONFIG_SECONDS, f"the canary reached nobody: {stage.rollouts()}"
                reloads += 1
                current = both.reload(both.mapping(openai_gpt4o=f"sim-chat-{reloads}"), current)
            stage.ring(stage.watched()[-1])
            assert stage.rollouts()[0][1] == "ROLLED_BACK"
            tried.until = both.day.now() + APPCONFIG_SECONDS
            both.reload(both.mapping(), current)
            base.until = float("inf")
        stage.ring(stage.watched()[-1], "OK")
        self.seen.append(f"{reloads + 1} mappings replaced in the container, each answering while it was in force")
        self.seen.append(
            f"the canary's mapping gave {reached} answers, each by a fallback, until an alarm took it back"
        )

    def _reached(self, mapping: dict[str, Any], since: float) -> int:
        revision = revision_of(mapping)
        return sum(one.revision == revision for one in self.both.day.noted() if one.began >= since)

    def provider(self, name: str, fault: Fault) -> None:
        with self.phase(name) as since:
            self.simulator.inject(fault, provider="openai")
            time.sleep(LASTS)
            assert "claude-sonnet-4-6" in self.both.authors_since(since), "nobody fell over"
        used = len(self.both.authors_since(since))
        self.seen.append(f"{name}: {used} models answered")

    def revoked_key(self) -> None:
        """The drill finds it; callers notice nothing."""
        stage = self.both.stage.gateway
        with self.phase("key revoked, drill"):
            self.simulator.settings(openai_keys=["sim-openai-another"])
            done = stage.run(
                *("drill", "--json", "--config", str(self.both.container.file), "--chain", "openai-gpt4o"),
                env={
                    "OPENAI_API_KEY": KEYS["openai"],
                    "ANTHROPIC_API_KEY": KEYS["anthropic"],
                    "ROUTER_SIMULATOR_URL": self.simulator.url,
                },
            )
            assert done.returncode == 1, done.stderr
            verdicts = {one["deployment"]: one for one in json.loads(done.stdout)["hops"]}
            assert verdicts["openai-gpt4o"]["verdict"] == "failed"
            assert verdicts["anthropic-claude-sonnet"]["verdict"] == "proven"
        self.seen.append("the drill found the revoked key: openai-gpt4o failed, the hop behind it is proven")

    def table_gone(self) -> None:
        """The state table is deleted, and restored with what it held."""
        dynamodb, name = self.aws.client("dynamodb"), self.both.stage.gateway.outputs["StateTableName"]
        items = [item for page in dynamodb.get_paginator("scan").paginate(TableName=name) for item in page["Items"]]
        with self.phase("state table gone"):
            dynamodb.delete_table(TableName=name)
            time.sleep(LASTS)
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            for item in items:
                dynamodb.put_item(TableName=name, Item=item)
        self.seen.append(f"the state table was deleted and restored with its {len(items)} items")

    def process_killed(self) -> None:
        with self.phase("a process killed"):
            self.both.container.kill()
            time.sleep(LASTS)
            self.both.container.start()
            time.sleep(CALM)
        self.seen.append("the container's process was killed with SIGKILL and begun anew")

    def bad_version(self) -> None:
        """A version that cannot start gets the alias, until `fallback-router rollback`."""
        function, name = self.aws.client("lambda"), self.both.stage.gateway.outputs["FunctionName"]
        good = function.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        configuration = function.get_function_configuration(FunctionName=name)
        variables = {**configuration["Environment"]["Variables"], "ROUTER_CONFIG": "missing.json"}
        function.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        bad = function.publish_version(FunctionName=name)["Version"]
        on_lambda = self.both.balancer.fleets[0]
        with self.phase("a bad version"):
            before = on_lambda.faults
            function.update_alias(FunctionName=name, Name="live", FunctionVersion=bad)
            wait_until(lambda: on_lambda.faults > before, 120)  # the bad version is noticed
            told = self.both.stage.gateway.command("rollback")
            assert f"callers get version {good} instead of {bad}" in told
            assert function.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == good
            faults = on_lambda.faults
            time.sleep(LASTS)
        self.seen.append(f"version {bad} could not start, gave {faults - before} errors, and was rolled back")

    def canary_is_gone(self) -> None:
        """Each environment of the function has gone back to the mapping before."""
        with self.phase("calm again") as since:
            wait_until(lambda: self.both.day.now() - since > CALM, 2 * CALM)
        late = [one for one in self.both.day.noted() if one.began >= since]
        assert {one.revision for one in late if not one.error} == {revision_of(self.both.mapping())}


def warm(live: LiveStage, clients: list[OpenAI]) -> None:
    """As many environments of the function as there are callers: each fleet can take what the other leaves."""
    live.gateway.simulator.settings(latency=WARM_SECONDS)
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(lambda one: ask(one.with_options(timeout=START_SECONDS, max_retries=2)), clients))
    finally:
        live.gateway.simulator.settings(latency=0.0)


def test_no_question_of_the_day_is_lost_late_or_mixed(
    live: LiveStage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live.let_it_read()
    for name in live.watched():
        live.ring(name, "OK")
    live.done("push", {**live.mapping(), "settings": QUICK}, "--now")
    keys = [live.gateway.new_key() for _ in range(KEYS_OF_CALLERS)]
    callers = [(key, live.gateway.usage_key(key) or "none") for key in keys * 2]
    with fleets(live, tmp_path, keys) as both:
        day = ChaosDay(both)
        warm(live, [live.gateway.client(key) for key in keys * 2])
        try:
            with steady(both.day, both.balancer.url, callers, ASKED):
                day.lasts()
        finally:
            verdicts, seconds = judged(both.day.noted(), both.day.mappings), both.day.now()
            write(REPORT, verdicts, day.seen, seconds)
            with capsys.disabled():
                sys.stdout.write(f"\n{table(verdicts, day.seen)}\n{seconds:.0f} s; {REPORT.relative_to(ROOT)}\n")
    whole = total(verdicts)
    assert (whole.lost, whole.late, whole.mixed) == ([], [], [])
    assert whole.answered == whole.sent
    calm = [one for name, one in verdicts.items() if name not in MAY_REPEAT]
    assert [one for one in calm if one.repeated > REPEATED * one.sent] == []
    assert len(verdicts) == PHASES
