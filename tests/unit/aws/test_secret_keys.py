"""The providers' keys in Secrets Manager."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from litellm_fallback_router.adapters import secrets_manager
from litellm_fallback_router.adapters.provider_keys import EnvironmentKeys
from litellm_fallback_router.adapters.secrets_manager import MAX_AGE, RETRY, SecretKeys, write_secret
from litellm_fallback_router.routing.types import Deployment
from tests.support.fleet import Clock
from tests.support.scripted import deployment
from tests.support.waiting import eventually

from .conftest import silent_client

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

PREFIX = "llm-gateway/dev"
GPT = deployment("gpt", provider="openai", api_key="os.environ/OPENAI_API_KEY")
CLAUDE = deployment("claude", provider="anthropic")
KEY = "sk-the-first-key"


@pytest.fixture
def client(aws: None) -> SecretsManagerClient:
    """Both secrets, made by the stack: without a value."""
    client = boto3.client("secretsmanager")
    for provider in ("openai", "anthropic"):
        client.create_secret(Name=f"{PREFIX}/{provider}")
    return client


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keys_of(
    client: SecretsManagerClient, clock: Clock, *deployments: Deployment, environment: dict[str, str] | None = None
) -> SecretKeys:
    first = EnvironmentKeys((environment or {}).get)
    return SecretKeys(first, deployments or (GPT, CLAUDE), PREFIX, client, clock)


def reads(client: SecretsManagerClient) -> list[str]:
    """Grows with every secret that is read."""
    made: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        made.append(json.loads(params["body"])["SecretId"])

    client.meta.events.register("before-call.secrets-manager.GetSecretValue", note)
    return made


def test_a_key_is_read_from_its_providers_secret(client: SecretsManagerClient, clock: Clock) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    assert keys.missing(GPT) is None
    assert keys.resolve(GPT) == KEY
    assert keys.resolve(CLAUDE) is None
    why = f"no key in secret {PREFIX}/anthropic: run fallback-router secrets set anthropic"
    assert keys.missing(CLAUDE) == why


def test_nothing_is_read_before_prefetch_so_that_a_snapshot_holds_no_key(
    client: SecretsManagerClient, clock: Clock
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    made = reads(client)
    keys = keys_of(client, clock)
    assert keys.missing(GPT) == (
        f"secret {PREFIX}/openai was not read yet: this environment's snapshot is still to be taken"
    )
    assert keys.resolve(GPT) is None
    assert made == []


async def test_a_secret_that_could_not_be_read_is_not_said_to_be_empty(
    client: SecretsManagerClient, clock: Clock
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    denied: Any = lambda **_: (FakeResponse(400), DENIED)  # noqa: E731 - botocore's hooks may answer for the network
    client.meta.events.register("before-call.secrets-manager", denied, "denied")
    keys = keys_of(client, clock)
    keys.prefetch()
    assert keys.missing(GPT) == (
        f"secret {PREFIX}/openai could not be read (AccessDeniedException); it is read again after 30 s"
    )
    client.meta.events.unregister("before-call.secrets-manager", denied, "denied")
    clock.advance(RETRY + 1)
    await eventually(lambda: keys.missing(GPT) is None)


def test_the_environment_comes_first(client: SecretsManagerClient, clock: Clock) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock, environment={"OPENAI_API_KEY": "sk-of-the-environment"})
    keys.prefetch()
    assert keys.resolve(GPT) == "sk-of-the-environment"
    literal = deployment("own", api_key="sk-literal")
    assert keys.resolve(literal) == "sk-literal"


async def test_a_key_is_read_again_after_five_minutes_behind_the_requests(
    client: SecretsManagerClient, clock: Clock
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    made = reads(client)
    write_secret(client, PREFIX, "openai", "sk-the-second-key")
    clock.advance(MAX_AGE - 1)
    assert keys.resolve(GPT) == KEY
    assert made == []
    clock.advance(2)
    assert keys.resolve(GPT) == KEY
    await eventually(lambda: keys.resolve(GPT) == "sk-the-second-key")
    assert made == [f"{PREFIX}/openai"]


async def test_a_key_that_is_set_later_is_found_without_a_restart(client: SecretsManagerClient, clock: Clock) -> None:
    keys = keys_of(client, clock)
    keys.prefetch()
    assert keys.missing(GPT) is not None
    write_secret(client, PREFIX, "openai", KEY)
    clock.advance(RETRY + 1)
    await eventually(lambda: keys.missing(GPT) is None)


async def test_a_rotated_key_is_read_afresh_after_a_401(client: SecretsManagerClient, clock: Clock) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    clock.advance(60)
    write_secret(client, PREFIX, "openai", "sk-rotated")
    assert await keys.refresh(GPT)
    assert keys.resolve(GPT) == "sk-rotated"


async def test_many_requests_with_a_401_read_the_secret_once_or_twice_and_all_try_again(
    client: SecretsManagerClient, clock: Clock
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    clock.advance(60)
    write_secret(client, PREFIX, "openai", "sk-rotated")
    made = reads(client)
    assert all(await asyncio.gather(*(keys.refresh(GPT) for _ in range(20))))
    assert len(made) <= 2
    clock.advance(1)
    assert await keys.refresh(GPT), "it was sent with the key from before the change"


async def test_a_key_that_is_wrong_but_unchanged_is_not_worth_another_try(
    client: SecretsManagerClient, clock: Clock
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    clock.advance(1)
    assert not await keys.refresh(GPT)


async def test_a_key_of_the_environment_cannot_be_read_afresh(client: SecretsManagerClient, clock: Clock) -> None:
    keys = keys_of(client, clock, environment={"OPENAI_API_KEY": "sk-of-the-environment"})
    made = reads(client)
    assert not await keys.refresh(GPT)
    assert made == []


async def test_trouble_with_secrets_manager_leaves_the_known_key_in_use_and_no_key_in_the_log(
    client: SecretsManagerClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock)
    keys.prefetch()
    denied: Any = lambda **_: (FakeResponse(400), DENIED)  # noqa: E731 - botocore's hooks may answer for the network
    client.meta.events.register("before-call.secrets-manager", denied)
    clock.advance(MAX_AGE + 1)
    with caplog.at_level(logging.DEBUG):
        assert not await keys.refresh(GPT)
        assert keys.resolve(GPT) == KEY
    assert "the secret of openai could not be read: AccessDeniedException" in caplog.text
    assert KEY not in caplog.text


class FakeResponse:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


DENIED = {"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}, "ResponseMetadata": {}}


async def test_a_secrets_manager_that_never_answers_holds_nobody_up_for_long(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_manager, "READ_TIMEOUT", 0.2)
    async with silent_client("secretsmanager") as client:
        keys = keys_of(client, clock)
        async with asyncio.timeout(2):
            await asyncio.to_thread(keys.prefetch)
            assert keys.missing(GPT) is not None
            assert not await keys.refresh(GPT)


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("sk-bare\n", "sk-bare"),
        ('{"OPENAI_API_KEY": "sk-named", "OTHER": "x"}', "sk-named"),
        ('{"whatever": "sk-only"}', "sk-only"),
        ('{"one": "sk-1", "two": "sk-2"}', None),
        ("", None),
        ("{broken", None),
        ("two words", None),
        ("sk-schlüssel", None),
        ('{"OPENAI_API_KEY": 7}', None),
    ],
)
def test_a_secret_is_a_bare_key_or_the_consoles_names_and_keys(
    client: SecretsManagerClient, clock: Clock, secret: str, found: str | None
) -> None:
    if secret:
        write_secret(client, PREFIX, "openai", secret)
    keys = keys_of(client, clock)
    keys.prefetch()
    assert keys.resolve(GPT) == found


def test_two_credentials_of_one_provider_are_two_names_in_its_secret(
    client: SecretsManagerClient, clock: Clock
) -> None:
    team = deployment("team", provider="openai", api_key="os.environ/TEAM_KEY")
    write_secret(client, PREFIX, "openai", '{"OPENAI_API_KEY": "sk-ours", "TEAM_KEY": "sk-theirs"}')
    keys = keys_of(client, clock, GPT, team)
    keys.prefetch()
    assert (keys.resolve(GPT), keys.resolve(team)) == ("sk-ours", "sk-theirs")


def test_the_providers_key_never_goes_to_a_foreign_server_unasked(client: SecretsManagerClient, clock: Clock) -> None:
    server = {"provider": "openai", "api_base": "http://vllm.internal/v1"}
    keyless = deployment("keyless", **server)
    named = deployment("named", **server, api_key="os.environ/VLLM_KEY")
    asked = deployment("asked", **server, api_key="os.environ/OPENAI_API_KEY")
    write_secret(client, PREFIX, "openai", KEY)
    keys = keys_of(client, clock, GPT, keyless, named, asked)
    keys.prefetch()
    assert keys.missing(keyless) is None
    assert keys.resolve(keyless) is None
    assert keys.resolve(named) is None
    assert keys.resolve(asked) == KEY


def test_bedrock_needs_no_secret(client: SecretsManagerClient, clock: Clock) -> None:
    made = reads(client)
    nova = deployment("nova", provider="bedrock")
    keys = keys_of(client, clock, nova, environment={"AWS_PROFILE": "dev"})
    keys.prefetch()
    assert made == []
    assert keys.missing(nova) is None
    assert keys.resolve(nova) is None
