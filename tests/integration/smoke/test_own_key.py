"""The key that `fallback-router smoke` makes for itself: never shown, never in the clear, never left behind."""

from __future__ import annotations

import os
import signal

import boto3
import pytest

from local.simulator import SimulatorControl
from tests.support.staged import Staged, usage_keys

pytestmark = pytest.mark.timeout(180)


def test_no_key_and_no_answer_is_shown(staged: Staged) -> None:
    _, out, err = staged.smoke("--wait", "0")
    assert "FallbackRouter-dev at http://127.0.0.1" in out
    for secret in (*set(staged.door.keys), "sim-openai-key", "1 2 3"):
        assert secret not in out + err


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_key_is_revoked_when_it_is_ended_halfway(
    staged: Staged, simulator: SimulatorControl, number: int, left: int
) -> None:
    simulator.settings(latency=20.0)
    once = iter([number])

    def end() -> None:
        # One signal: a second one, of another question under way, would reach whatever runs after this command.
        for signal_number in once:
            os.kill(os.getpid(), signal_number)

    staged.door.on_chat = end
    code, out, _ = staged.smoke()
    assert code == left
    assert out == ""
    assert staged.no_key_is_left()


def test_key_that_cannot_be_revoked_is_a_failure_that_says_how(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm_fallback_router.adapters.dynamodb.key_records import KeyRecords  # noqa: PLC0415 - to break it

    def gone(*_: object) -> None:
        boto3.client("dynamodb").delete_table(TableName="never-there")

    monkeypatch.setattr(KeyRecords, "revoke", gone)
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert "fallback-router keys revoke" in found["a key of its own"]["fix"]


def test_key_is_never_sent_in_the_clear(staged: Staged) -> None:
    code, _, err = staged.run("smoke", "--url", "http://llm.example.com/dev/")
    assert code == 2
    assert "https://" in err
    assert usage_keys() == []
