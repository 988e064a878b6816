"""What the README and the pages for operators say of AWS is what the stack, the code and the Makefile say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from infra.api_errors import GATEWAY_ERRORS
from infra.stage import Stage
from litellm_fallback_router import cli
from litellm_fallback_router.adapters.cloudwatch import CloudWatchObserver
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.observe.metrics import METRICS
from tests.infrastructure.stack.templates import Synthesized
from tests.support.documents import REPOSITORY, between_markers
from tests.support.scripted import fails, question, rig
from tests.support.virtual_time import run_virtually

README = REPOSITORY / "README.md"
AWS = REPOSITORY / "docs" / "aws.md"
COMMANDS = REPOSITORY / "docs" / "command-line.md"
PROOF = REPOSITORY / "docs" / "proof.md"
SAM = REPOSITORY / "docs" / "sam.md"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"


def rows(text: str) -> list[list[str]]:
    """The cells of a Markdown table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_every_setting_of_a_stage_is_there_with_its_default() -> None:
    fields = {field.alias or name: field for name, field in Stage.model_fields.items()}
    stage = Stage.model_validate({})

    def shown(name: str) -> str:
        value = getattr(stage, "name" if name == "stage" else name)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, dict):
            return ", ".join(value) or "-"
        return "-" if value in (None, ()) else f"{value:g}" if isinstance(value, float) else str(value)

    written = {row[0].strip("`"): row[1] for row in rows(between_markers(AWS, "settings"))}
    assert written == {name: shown(name) for name in fields}


def test_every_alarm_is_there_with_when_it_rings_and_what_to_do(dev: Synthesized) -> None:
    descriptions = [one["Properties"]["AlarmDescription"] for one in dev.of("AWS::CloudWatch::Alarm").values()]
    table = rows(between_markers(AWS, "alarms"))
    ids = [name.removeprefix("Alarms")[:-8] for name in dev.of("AWS::CloudWatch::Alarm")]

    assert {row[0].strip("`"): row[1] for row in table} == dict(zip(ids, descriptions, strict=True))
    assert all(row[2] for row in table)


def test_every_metric_is_there() -> None:
    def cells(name: str) -> list[str]:
        metric = METRICS[name]
        by = ", ".join(" and ".join(names) or "stage" for names in metric.sets)
        unit = "US dollars" if metric.unit == "None" else metric.unit
        return [f"`{name}`", unit, by, metric.meaning]

    written = rows(between_markers(AWS, "metrics"))
    assert written == [cells(name) for name in METRICS]


def test_every_error_of_api_gateways_own_is_there() -> None:
    text = AWS.read_text(encoding="utf-8")
    assert {error.code for error in GATEWAY_ERRORS if f"`{error.code}`" not in text} == set()


def test_log_queries_ask_for_what_the_log_has(observed: tuple[set[str], set[str]]) -> None:
    messages, names = observed
    queries = between_markers(AWS, "queries")
    asked = re.findall(r"^fields (.*)$", queries, flags=re.MULTILINE)

    assert set(re.findall(r'message = "(\w+)"', queries)) <= messages
    assert {name for line in asked for name in line.split(", ")} - {"@timestamp", "message"} <= names


@pytest.fixture
def observed(capsys: pytest.CaptureFixture[str]) -> tuple[set[str], set[str]]:
    """Messages and field names of what an answered request, after a fallback, and a failed one leave in the log."""
    observer = CloudWatchObserver("any", "INFO")

    async def scenario(*candidates: str) -> None:
        rigged = rig(*candidates, scripts={"a": [fails(FailureKind.NOT_FOUND)]})
        with suppress(RouterError):
            await rigged.router.complete(question())
        for attempt in rigged.notes.attempts:
            observer.attempted(question(), attempt)
        for outcome in rigged.notes.outcomes:
            observer.finished(question(), outcome)

    run_virtually(scenario("a", "b"))
    run_virtually(scenario("a"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [line for line in lines if "_aws" not in line]
    return {event["message"] for event in events}, {name for event in events for name in event}


def test_cdk_of_the_readme_is_the_pinned_one() -> None:
    pinned = re.search(r"^CDK := (\S+)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert pinned is not None
    assert set(re.findall(r"aws-cdk@[\d.]*\d", README.read_text(encoding="utf-8"))) == {pinned[1]}


def commands(text: str) -> Iterator[list[str]]:
    for line in re.findall(r"fallback-router ((?:keys|secrets|circuits|chains|doctor|rollback)[^`\n#]*)", text):
        yield line.split()


@pytest.mark.parametrize("page", [README, AWS, COMMANDS], ids=lambda page: page.name)
def test_commands_exist_with_their_options(page: Path) -> None:
    root = typer.main.get_command(cli.app)
    found = list(commands(page.read_text(encoding="utf-8")))
    for words in found:
        command = root
        for word in words:
            command = getattr(command, "commands", {}).get(word, command)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
    assert found


@pytest.mark.parametrize("page", [README, AWS, PROOF, SAM, CONTRIBUTING], ids=lambda page: page.name)
def test_targets_of_make_exist(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    code = re.findall(r"(?:^|`)make ([a-z0-9-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(code) <= set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))
    assert code
