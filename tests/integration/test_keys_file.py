"""The gateway as a server process with a keys file: who is let in, to which models, what a change of the file does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from litellm_fallback_router.adapters.keys_file import read_keys, write_keys
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import CallerKey, KeyEntry
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.key_hashes import hash_of
from tests.support.waiting import wait_until

OPEN, NARROW, LATE = "sk-router-open", "sk-router-narrow", "sk-router-late"
MESSAGES: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]


def entry(key: str, id: str, models: tuple[str, ...] = (), expires_at: int | None = None) -> KeyEntry:
    return KeyEntry(CallerKey(id, models=models), hash_of(key), created_at=1, expires_at=expires_at)


@dataclass(frozen=True)
class Locked:
    gateway: Gateway
    keys: Path

    def ask(self, key: str, model: str = "openai-gpt4o") -> str:
        with self.gateway.client() as client:
            answer = client.with_options(api_key=key).chat.completions.create(model=model, messages=MESSAGES)
            return str(answer.model)

    def status(self, key: str) -> int:
        return httpx.get(f"{self.gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code


@pytest.fixture(scope="module")
def locked(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("keys")
    path = folder / "keys.json"
    write_keys(
        path, [entry(OPEN, "open"), entry(NARROW, "narrow", ("anthropic-*",)), entry(LATE, "late", expires_at=2)]
    )
    env = {"GATEWAY_KEYS_FILE": str(path), "GATEWAY_API_KEYS": "plain-key"}
    with gateway_process(folder, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as running:
        yield Locked(running, path)


def test_two_keys_of_the_file_and_a_plain_one_are_let_in(locked: Locked) -> None:
    assert [locked.ask(OPEN), locked.ask("plain-key")] == ["gpt-4o", "gpt-4o"]
    assert locked.ask(NARROW, "anthropic-claude-sonnet") == "claude-sonnet-4-6"


@pytest.mark.parametrize(("key", "why"), [("sk-router-none", "incorrect"), (LATE, "expired")])
def test_an_unknown_and_an_expired_key_are_refused(locked: Locked, key: str, why: str) -> None:
    with pytest.raises(openai.AuthenticationError, match=why) as refused:
        locked.ask(key)
    assert refused.value.code == "invalid_api_key"


def test_a_model_that_is_not_the_keys_is_a_404_to_openais_client_in_every_format(locked: Locked) -> None:
    with pytest.raises(openai.NotFoundError, match="or one that this key may not ask") as refused:
        locked.ask(NARROW)
    assert refused.value.code == "model_not_found"
    bodies = {
        "/v1/chat/completions": {"model": "gpt-4o", "messages": MESSAGES, "stream": True},
        "/v1/messages": {"model": "openai-gpt4o", "messages": MESSAGES, "max_tokens": 9},
        "/v1/messages/count_tokens": {"model": "openai-gpt4o", "messages": MESSAGES},
        "/v1/responses": {"model": "openai-gpt4o", "input": "hi"},
        "/v1/embeddings": {"model": "text-embedding-3-small", "input": "hi"},
        "/ask": {"question": "hi", "primary_model": "cost-optimized"},
    }
    for path, body in bodies.items():
        answer = httpx.post(locked.gateway.url + path, json=body, headers={"authorization": f"Bearer {NARROW}"})
        assert answer.status_code == 404, path
        assert "or one that this key may not ask" in answer.text
        assert "openai-gpt4o-mini" not in answer.text, "others' models are not told"


def test_only_its_own_models_are_listed(locked: Locked) -> None:
    with locked.gateway.client() as client:
        listed = [one.id for one in client.with_options(api_key=NARROW).models.list()]
    assert listed
    assert all(name.startswith("anthropic-") for name in listed)


def test_a_request_may_fall_back_to_what_its_key_may_not_name(locked: Locked, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=503), provider="anthropic")
    try:
        assert not locked.ask(NARROW, "anthropic-claude-sonnet").startswith("claude-sonnet-4-6")
    finally:
        simulator.reset()


def test_keys_that_are_added_revoked_and_narrowed_count_while_the_gateway_runs(locked: Locked) -> None:
    before = read_keys(locked.keys)
    late_one = "sk-router-late-one"
    try:
        revoked = [replace(one, revoked_at=2) if one.key.id == "open" else one for one in before]
        write_keys(locked.keys, [*revoked, entry(late_one, "new", ("openai-*",))])
        wait_until(lambda: locked.status(OPEN) == 401)
        assert locked.ask(late_one) == "gpt-4o"
        assert locked.status("plain-key") == 200
    finally:
        write_keys(locked.keys, before)
    wait_until(lambda: locked.status(late_one) == 401)
    assert locked.status(OPEN) == 200


def test_no_key_is_in_the_log_or_the_file(locked: Locked) -> None:
    written = locked.gateway.log.read_text() + locked.gateway.out.read_text() + locked.keys.read_text()
    assert not any(key in written for key in (OPEN, NARROW, LATE, "plain-key"))


def test_a_keys_file_that_is_not_there_stops_the_start(tmp_path: Path, simulator: SimulatorControl) -> None:
    env = {"GATEWAY_KEYS_FILE": str(tmp_path / "none.json")}
    with (
        pytest.raises(AssertionError, match=r"there is no such keys file; `fallback-router keys create --file"),
        gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env),
    ):
        pass
