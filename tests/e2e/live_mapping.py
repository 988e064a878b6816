"""`fallback-router mapping` and the function that goes by it, on a local AWS: the first part of `make chaos`.

In the order of an operator's day. What MiniStack's AppConfig lacks is said in `tests/support/live_stage.py`.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import OpenAI

from litellm_fallback_router.live_mapping import POLL_SECONDS
from litellm_fallback_router.routing.mapping import revision_of
from tests.support.live_stage import LiveStage, ask

pytestmark = pytest.mark.timeout(900)
PATIENCE = POLL_SECONDS + 30.0
NEW = "gpt-5.4"


@pytest.fixture(scope="module")
def client(live: LiveStage) -> OpenAI:
    return live.gateway.client(live.gateway.new_key())


@pytest.fixture
def changed(live: LiveStage) -> dict[str, Any]:
    return live.mapping(openai_gpt4o=NEW)


def test_the_functions_role_may_read_its_own_mapping_and_no_other(live: LiveStage) -> None:
    place = live.place
    own = f"{place.application}/environment/{place.environment}/configuration/{place.profile}"
    assert live.may_read(own) == {"allowed"}
    assert live.may_read(own.replace(place.profile, "another")) == {"implicitDeny"}
    assert live.may_read(own.replace(place.application, "another")) == {"implicitDeny"}


def test_until_appconfig_can_be_read_the_packages_mapping_answers(live: LiveStage, client: OpenAI) -> None:
    assert ask(client) == ("gpt-4o", revision_of(live.mapping()))
    live.let_it_read()


def test_before_the_first_push_there_is_nothing_to_compare_or_to_take_back(
    live: LiveStage, changed: dict[str, Any]
) -> None:
    assert "none was pushed yet" in live.refused("diff", changed)
    assert "there is none to take back" in live.refused("rollback")


def test_a_mapping_with_a_mistake_never_reaches_aws(live: LiveStage, changed: dict[str, Any]) -> None:
    said = live.refused("push", {**changed, "fallbacks": {"openai-gpt4o": ["nobody"]}}, "--now")
    assert "fallbacks.openai-gpt4o[0]: unknown model 'nobody'" in said
    assert (live.versions(), live.rollouts()) == ([], [])


def test_a_model_outside_of_the_stages_is_refused_by_its_validator_before_anyone_has_it(live: LiveStage) -> None:
    said = live.refused("push", live.mapping(openai_gpt4o="gpt-6"), "--now")
    assert "openai-gpt4o: this stage may not ask openai/gpt-6;" in said
    assert (live.versions(), live.rollouts()) == ([], [])


def test_an_alarm_that_is_not_well_would_take_it_back_so_it_is_not_begun(live: LiveStage) -> None:
    for name in live.watched():
        live.ring(name, "OK")
    first, *_ = live.watched()
    live.ring(first)
    assert f"{first} would take it back at once" in live.refused("push", live.mapping())
    live.ring(first, "OK")
    assert live.rollouts() == []


def test_the_first_push_says_that_appconfig_has_none_to_go_back_to(live: LiveStage) -> None:
    said = live.done("push", live.mapping(), "--now")
    assert "AppConfig has none to go back to" in said
    assert ": complete, 100% of the environments" in said
    assert [state for _, state in live.rollouts()] == ["COMPLETE"]


def test_the_function_goes_by_what_is_pushed_without_a_deployment(
    live: LiveStage, client: OpenAI, changed: dict[str, Any]
) -> None:
    function = live.gateway.aws.client("lambda")
    name = live.gateway.outputs["FunctionName"]
    before = function.get_function_configuration(FunctionName=name, Qualifier="live")
    wanted = "deployments.openai-gpt4o: model gpt-4o -> gpt-5.4"
    assert wanted in live.done("diff", changed)
    assert wanted in live.done("push", changed, "--now")
    assert "nothing would change" in live.done("diff", changed)

    until = time.monotonic() + PATIENCE
    seen: set[tuple[str, str]] = set()
    new = (NEW, revision_of(changed))
    while new not in seen:
        assert time.monotonic() < until, f"no environment has read it: {seen}"
        seen.add(ask(client))
        time.sleep(1)
    assert seen <= {new, ("gpt-4o", revision_of(live.mapping()))}, "each answer is of one mapping"
    after = function.get_function_configuration(FunctionName=name, Qualifier="live")
    assert (after["Version"], after["LastModified"]) == (before["Version"], before["LastModified"])
    assert '"mapping_replaced"' in live.gateway.log()


def test_rollback_goes_to_the_one_before_at_once_for_environments_that_begin(live: LiveStage, client: OpenAI) -> None:
    (newest, first) = [version for version, _ in live.rollouts()]
    assert f"version {newest}: reverted" in live.done("rollback")
    assert live.rollouts() == [(newest, "REVERTED"), (first, "COMPLETE")]
    # Two requests at the same time: an environment that begins now has it, however old the other's is.
    live.gateway.simulator.settings(latency=3.0)
    try:
        with ThreadPoolExecutor(2) as pool:
            answers = set(pool.map(ask, [client] * 2))
    finally:
        live.gateway.simulator.settings(latency=0.0)
    assert ("gpt-4o", revision_of(live.mapping())) in answers


def test_history_lists_them_and_any_of_them_can_be_put_in_force_again(live: LiveStage) -> None:
    (newest, _), *_ = live.rollouts()
    assert f"version {newest}: complete, 100%" in live.done("rollback", None, "--to", newest)
    said = live.done("history")
    assert [said.count(state) for state in ("complete", "reverted")] == [2, 1]


def test_only_one_rollout_is_under_way_and_rollback_ends_it(live: LiveStage) -> None:
    said = live.done("push", live.mapping())
    assert ": deploying, " in said
    assert "is being rolled out" in live.refused("push", live.mapping(), "--now")
    assert ": rolled back" in live.done("rollback")
    assert "was taken back already" in live.refused("rollback")


def test_an_alarm_that_rings_takes_a_rollout_back(live: LiveStage) -> None:
    live.done("push", live.mapping())
    *_, alarm_name = live.watched()
    live.ring(alarm_name)
    assert next(state for _, state in live.rollouts()) == "ROLLED_BACK"


def test_now_says_when_it_was_taken_back_all_the_same_and_leaves_no_alarm_silenced(
    live: LiveStage, changed: dict[str, Any]
) -> None:
    """AppConfig passes over an alarm whose actions are disabled, as `--now` does it; MiniStack does not."""
    *_, alarm_name = live.watched()
    changed["settings"]["max_attempts"] = 5
    done = live.run("push", changed, "--now")
    assert "settings.max_attempts: 6 -> 5" in done.stdout
    assert (done.returncode, ": rolled back" in done.stdout) == (1, True)
    (alarm,) = live.gateway.aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm_name])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["ActionsEnabled"]) == ("ALARM", True)
    live.ring(alarm_name, "OK")
