"""`fallback-router keys` for a file on this machine and for a deployed stack: the same commands with the same words."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from litellm_fallback_router.adapters.dynamodb.accounts import TableAccounts
from litellm_fallback_router.adapters.dynamodb.items import KeyRecord
from litellm_fallback_router.adapters.dynamodb.key_records import KeyRecords
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.adapters.keys_file import read_keys
from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey, KeyEntry, Priority
from litellm_fallback_router.routing.interceptors import money_accounts
from litellm_fallback_router.routing.ports import AccountStore
from tests.support.commands import Run
from tests.support.fleet import StateNotes
from tests.support.key_hashes import hash_of
from tests.unit.aws.conftest import TABLE
from tests.unit.aws.test_operator_commands import deploy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class Place:
    """The keys of one place, through its commands and behind them."""

    name: str
    accounts: AccountStore

    def __init__(self, run: Run, *options: str) -> None:
        self._run, self._options = run, options

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        return self._run("keys", *arguments, *self._options)

    def create(self, *options: str) -> tuple[str, KeyEntry]:
        code, out, err = self("create", *options)
        assert code == 0, err
        key = out.strip()
        assert key not in err
        return key, self.entry(hash_of(key))

    def entry(self, key_hash: str) -> KeyEntry:
        return next(one for one in self.entries() if one.key_hash == key_hash)

    def entries(self) -> list[KeyEntry]:
        raise NotImplementedError


class InFile(Place):
    def __init__(self, run: Run, folder: Path) -> None:
        self._path = folder / "keys.json"
        self.name = str(self._path)
        self.accounts = LocalAccounts(folder / "keys.json.spend")
        super().__init__(run, "--file", self.name)

    def entries(self) -> list[KeyEntry]:
        return read_keys(self._path)


class Deployed(Place):
    name = "FallbackRouter-dev"

    def __init__(self, run: Run, dynamodb: DynamoDBClient) -> None:
        self._dynamodb = dynamodb
        deploy(self.name, {"standard": boto3.client("apigateway").create_usage_plan(name="standard")["id"]})
        self.accounts = TableAccounts(dynamodb, TABLE, Availability(StateNotes()))
        super().__init__(run, "--stack", self.name)

    def entries(self) -> list[KeyEntry]:
        return [record.entry for record in KeyRecords(self._dynamodb, TABLE).all()]


@pytest.fixture(params=["file", "deployed"])
def keys(request: pytest.FixtureRequest, run: Run, dynamodb: DynamoDBClient, tmp_path: Path) -> Place:
    return InFile(run, tmp_path) if request.param == "file" else Deployed(run, dynamodb)


WHOLE = [
    *("--name", "team-a", "--models", "openai-*, cheap", "--models", "fast", "--max-usd", "50/day", "--rpm", "60"),
    *(
        "--tpm-in",
        "100000",
        "--tpm-out",
        "20000",
        "--concurrency",
        "5",
        "--priority",
        "batch",
        "--operator",
        "--expires",
        "90d",
    ),
]


def test_a_key_is_made_with_every_limit(keys: Place) -> None:
    key, entry = keys.create(*WHOLE)

    assert key.startswith("sk-router-")
    assert entry.key == CallerKey(
        entry.key.id,
        name="team-a",
        models=("openai-*", "cheap", "fast"),
        max_usd=Budget.parse("50/day"),
        rpm=60,
        tpm_in=100_000,
        tpm_out=20_000,
        concurrency=5,
        priority=Priority.BATCH,
        operator=True,
    )
    assert entry.expires_at == pytest.approx(time.time() + 90 * 86_400, abs=120)
    assert entry.key.id == hash_of(key)[:12]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-usd", "5/week"], "--max-usd"),
        (["--models", "a b"], "--models"),
        (["--models", " , "], "--models"),
        (["--name", " "], "--name"),
        (["--rpm", "0"], "--rpm"),
        (["--tpm-in", "many"], "--tpm-in"),
        (["--priority", "high"], "--priority"),
        (["--expires", "2020-01-31"], "--expires"),
        (["--expires", "soon"], "--expires"),
    ],
)
def test_a_wrong_option_is_named_and_no_key_is_made(keys: Place, options: list[str], said: str) -> None:
    keys.create()
    code, out, err = keys("create", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert len(keys.entries()) == 1


def test_limits_are_changed_one_by_one_taken_away_and_the_rest_stays(keys: Place) -> None:
    _, entry = keys.create(*WHOLE)
    code, out, _ = keys("set", "team-a", "--rpm", "5", "--clear", "models", "--clear", "max-usd", "--expires", "never")
    assert code == 0
    assert "5 requests a minute" in out
    changed = keys.entry(entry.key_hash)
    assert (changed.key.rpm, changed.key.models, changed.key.max_usd, changed.expires_at) == (5, (), None, None)
    assert (changed.key.tpm_in, changed.key.name, changed.key.priority) == (100_000, "team-a", Priority.BATCH)
    assert changed.created_at == entry.created_at


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to change"),
        (["--clear", "rmp"], "there is no limit 'rmp'"),
        (["--clear", "rpm", "--rpm", "5"], "--rpm is given too"),
        (["--clear", "expires"], "--expires never"),
        (["--max-usd", "lots"], "--max-usd"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(keys: Place, options: list[str], said: str) -> None:
    _, entry = keys.create(*WHOLE)
    code, _, err = keys("set", "team-a", *options)
    assert code == 2
    assert said in " ".join(err.split())
    assert keys.entry(entry.key_hash) == entry


def test_a_key_that_is_not_there_or_ambiguous_says_where_to_look(keys: Place) -> None:
    ids = [keys.create("--name", "twin")[1].key.id for _ in range(2)]
    for command in (
        ["show", "none"],
        ["set", "none", "--rpm", "5"],
        ["revoke", "none"],
        ["budget", "add", "none", "5"],
    ):
        code, _, err = keys(*command)
        assert (code, f"{keys.name} has no key 'none'; `fallback-router keys list` shows them" in err) == (1, True)
    code, _, err = keys("revoke", "twin")
    assert code == 1
    assert all(one in err for one in ids)
    assert keys("revoke", ids[0])[0] == 0
    assert keys("show", "twin")[0] == 0, "the other one is meant now"


def spend(keys: Place, key: CallerKey, usd: dict[str, int]) -> None:
    assert key.max_usd is not None
    slot = money_accounts(f"key#{key.id}", key.max_usd).slot(time.time())
    amount = sum(usd.values())

    async def spent() -> None:
        await keys.accounts.open(slot, "lease", amount, time.time() + 60)
        await keys.accounts.close(slot, "lease", amount, usd)

    asyncio.run(spent())


def lines(out: str) -> dict[str, str]:
    return {words[0]: words[1] for line in out.splitlines() if len(words := line.split(maxsplit=1)) == 2}


def test_a_key_is_shown_with_what_it_has_spent_by_model_and_what_is_left(keys: Place) -> None:
    key, entry = keys.create(*WHOLE)
    spend(keys, entry.key, {"openai-gpt4o": 2 * NANO, "bedrock-nova": NANO // 4})
    code, out, _ = keys("show", "team-a")
    said = lines(out)
    assert code == 0
    assert key not in out
    assert (said["spent"], said["left"]) == ("2.25 USD", "47.75 USD")
    assert said["budget"].startswith("50 USD in this period, full again ")
    assert said["state"] == "active"
    assert out.index("openai-gpt4o") < out.index("bedrock-nova"), "the dearest first"


def test_a_budget_is_raised_for_the_running_period_alone(keys: Place) -> None:
    _, entry = keys.create("--name", "a", "--max-usd", "50/day")
    spend(keys, entry.key, {"m": 49 * NANO})
    code, out, _ = keys("budget", "add", "a", "20.5")
    assert code == 0
    assert "may spend 21.5 USD more in this period" in out
    assert lines(keys("show", "a")[1])["left"] == "21.5 USD"
    assert keys.entry(entry.key_hash).key.max_usd == Budget.parse("50/day")


@pytest.mark.parametrize("amount", ["5/day", "0", "lots", "-5"])
def test_an_amount_that_is_none_is_refused(keys: Place, amount: str) -> None:
    keys.create("--name", "a", "--max-usd", "50/day")
    assert keys("budget", "add", "a", amount)[0] == 2


def test_a_key_without_a_budget_cannot_be_given_more(keys: Place) -> None:
    keys.create("--name", "a")
    code, _, err = keys("budget", "add", "a", "5")
    assert code == 1
    assert "fallback-router keys set a --max-usd" in err


def test_keys_are_listed_with_their_limits_and_revoked(keys: Place) -> None:
    key, entry = keys.create(*WHOLE)
    assert keys("revoke", entry.key.id)[0] == 0
    code, out, _ = keys("list")
    assert code == 0
    (line,) = (line for line in out.splitlines() if entry.key.id in line)
    assert all(word in line for word in ("team-a", "revoked", "50/day USD"))
    assert key not in out


def test_a_deployed_gateways_key_that_was_changed_meanwhile_is_not_overwritten(dynamodb: DynamoDBClient) -> None:
    records = KeyRecords(dynamodb, TABLE)
    old = KeyRecord("aa", "1", "standard", "v", "u", created_at=1)
    records.add(old)
    first = KeyRecord("aa", "1", "standard", "v", "u", created_at=1, limits='{"rpm":5}')
    second = KeyRecord("aa", "1", "standard", "v", "u", created_at=1, limits='{"rpm":6}')
    assert records.change(old, first)
    assert not records.change(old, second)
    records.revoke(first, at=5)
    assert not records.change(first, second), "a revocation is not undone"
    assert [one.limits for one in records.all()] == ['{"rpm":5}']


def test_without_a_place_the_keys_file_of_the_environment_is_meant(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEYS_FILE", str(tmp_path / "own.json"))
    assert run("keys", "create")[0] == 0
    assert len(read_keys(tmp_path / "own.json")) == 1


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--stack", "x"], 2, "leave out --stack and --region"),
        (["--plan", "standard"], 1, "leave out --plan"),
    ],
)
def test_what_a_file_has_not_is_refused(run: Run, tmp_path: Path, options: list[str], code: int, said: str) -> None:
    left, _, err = run("keys", "create", "--file", str(tmp_path / "keys.json"), *options)
    assert left == code
    assert said in " ".join(err.replace("│", " ").split())


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    code, _, err = run("keys", "create", "--file", str(tmp_path / "none" / "keys.json"))
    assert code == 1
    assert "cannot be written" in err


def test_of_several_usage_plans_one_must_be_named(run: Run, dynamodb: DynamoDBClient) -> None:
    deploy("FallbackRouter-dev", {"standard": "a", "premium": "b"})
    code, _, err = run("keys", "create")
    assert code == 1
    assert "--plan: FallbackRouter-dev has several usage plans; add one of: premium, standard" in err
