"""What the commands are made of: wording, log lines, the doctor's questions and fixes, the server's address."""

from __future__ import annotations

import json
import logging
import random
import shlex
import socket
from datetime import date, timedelta

import pytest
import typer

from litellm_fallback_router.commands import chains, serve
from litellm_fallback_router.commands.deployments import each_alone
from litellm_fallback_router.commands.fixes import fix
from litellm_fallback_router.commands.formatting import attempt_lines
from litellm_fallback_router.commands.serve import JsonFormatter
from litellm_fallback_router.drill import retirement_warning
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from litellm_fallback_router.routing.ports import CircuitState
from litellm_fallback_router.settings import load_settings
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment, fails, question

TODAY = date(2026, 11, 22)


def test_like_attempts_in_a_row_are_one_line() -> None:
    attempts = [
        {"deployment": "a", "reason": "503 unavailable"},
        {"deployment": "a", "reason": "503 unavailable"},
        {"deployment": "a", "reason": "timed out"},
        {"deployment": "b", "reason": ""},
    ]
    assert attempt_lines(attempts) == ["a x2: 503 unavailable", "a: timed out", "b: answered"]


def test_the_plan_tells_who_is_asked_only_after_the_others_and_why() -> None:
    config = config_of(*(deployment(name) for name in "abc"))
    health = Health(circuits={"a": CircuitState(open=True, retry_after=3.0)}, timed_out={"b": 500.0})
    decided = plan(question("a"), config, health, random.Random(1))
    assert chains._doubt_lines(decided) == [
        "b: later, it has just given nothing for 500.0 s; the others go first",
        "a: a last resort, its circuit is open; a probe is due in 3.0 s",
    ]
    shown = chains._plan_json("a", decided, config)
    assert [(one["deployment"], one["last_resort"]) for one in shown["candidates"]] == [
        ("c", False),
        ("b", False),
        ("a", True),
    ]
    assert shown["dropped"] == []


async def test_the_doctor_asks_every_member_of_a_group_itself_and_none_in_its_place() -> None:
    group = [deployment("a"), deployment("a", id="a#2"), deployment("b", credential="key-a")]
    provider = ScriptedProvider({"a": [fails(FailureKind.AUTHENTICATION)]})
    rig = Rig(each_alone(config_of(*group), deadline=20), provider)
    with pytest.raises(RouterError):
        await rig.router.complete(question("a"))
    for sibling in ("a#2", "b"):
        assert (await rig.router.complete(question(sibling))).deployment.id == sibling
    assert provider.asked == ["a", "a#2", "b"]


@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock", "ollama"])
def test_every_failure_of_a_whole_answer_has_a_fix(provider: str) -> None:
    target = deployment("m", provider=provider, region="us-east-1" if provider == "bedrock" else None)
    for kind in set(FailureKind) - {
        FailureKind.STREAM_BROKEN,
        FailureKind.CALLER_LEFT,
        FailureKind.SERVER_STOPPING,
        FailureKind.GUARDRAIL,
        FailureKind.HEDGED,
        FailureKind.BUG,
    }:
        text = fix(target, kind)
        assert len(text) > 20
        assert "{" not in text


def test_a_fix_names_the_variable_of_the_key_but_never_a_literal_key() -> None:
    by_name = deployment("m", credential="openai:OPENAI_API_KEY", api_key="os.environ/OPENAI_API_KEY")
    literal = deployment("m", credential="openai:literal-1a2b3c4d", api_key="sk-secret")
    assert "OPENAI_API_KEY" in fix(by_name, FailureKind.AUTHENTICATION)
    assert "the key in the mapping" in fix(literal, FailureKind.AUTHENTICATION)
    assert "sk-secret" not in fix(literal, FailureKind.AUTHENTICATION)


def test_a_fix_names_the_address_but_no_key_in_it() -> None:
    target = deployment("m", api_base="http://127.0.0.1:1/v1?code=sk-secret")
    for kind in FailureKind:
        assert "sk-secret" not in fix(target, kind)
    assert "http://127.0.0.1:1/v1 cannot be reached" in fix(target, FailureKind.CONNECTION)


def test_a_403_on_bedrock_names_the_action_and_the_region() -> None:
    text = fix(deployment("m", provider="bedrock", region="eu-west-1"), FailureKind.PERMISSION)
    assert "bedrock:InvokeModel" in text
    assert "eu-west-1" in text


@pytest.mark.parametrize(
    ("days", "words"),
    [(200, ""), (91, ""), (90, "retires in 90 days"), (0, "retires in 0 days"), (-1, "has passed")],
)
def test_a_retirement_is_told_ninety_days_ahead(days: int, words: str) -> None:
    warning = retirement_warning((TODAY + timedelta(days=days)).isoformat(), TODAY)
    assert words in warning
    assert bool(warning) is bool(words)


@pytest.mark.parametrize("retires_on", [None, "some day"])
def test_no_known_retirement_is_no_warning(retires_on: str | None) -> None:
    assert retirement_warning(retires_on, TODAY) == ""


def log_line(message: object, *, error: BaseException | None = None) -> dict[str, object]:
    exc_info = (type(error), error, None) if error else None
    record = logging.LogRecord("litellm_fallback_router", logging.WARNING, __file__, 1, message, (), exc_info)
    line: dict[str, object] = json.loads(JsonFormatter().format(record))
    return line


def test_an_events_fields_become_the_log_lines_own() -> None:
    line = log_line({"event": "attempt_failed", "status": 503})
    assert (line["event"], line["status"], line["level"]) == ("attempt_failed", 503, "WARNING")
    assert "message" not in line


@pytest.mark.parametrize("message", ["plain words", "{not json", '{"json": 1}'])
def test_other_messages_stay_whole(message: str) -> None:
    assert log_line(message)["message"] == message


def test_an_exceptions_text_is_not_logged() -> None:
    line = log_line("it failed", error=ValueError("the prompt was 4711"))
    assert line["exception"] == "ValueError"
    assert "4711" not in json.dumps(line)


def test_a_port_in_use_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(typer.Exit) as left:
            serve._listener("127.0.0.1", taken.getsockname()[1])
        assert left.value.exit_code == 1
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_told(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        serve._listener(host, 0)
    assert "no address of this machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "keys", "warned"),
    [("127.0.0.1", "", False), ("0.0.0.0", "", True), ("0.0.0.0", "mine", False)],  # noqa: S104 - only said of it
)
def test_a_gateway_that_everybody_can_reach_without_a_key_is_warned_about(
    host: str, keys: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve._listener(host, 0) as listener:
        serve._warn_if_open(listener, load_settings({"GATEWAY_API_KEYS": keys} if keys else {}))
    assert ("set GATEWAY_API_KEYS" in capsys.readouterr().err) is warned


def test_the_url_can_be_opened_whatever_the_gateway_listens_on() -> None:
    for host, start in (("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:")):  # noqa: S104 - as above
        with serve._listener(host, 0) as listener:
            assert serve._url(listener) == f"{start}{listener.getsockname()[1]}"


def test_the_curl_line_survives_the_shell_whatever_the_model_is_called() -> None:
    name = 'it\'s "mine" $HOME'
    words = shlex.split(" ".join(serve._curl("http://127.0.0.1:1", name, with_key=True)).replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1])["model"] == name
    assert "authorization: Bearer YOUR_KEY" in words
