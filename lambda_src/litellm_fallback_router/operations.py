"""What an operator does to a deployed gateway: its callers' keys, its providers' keys, its circuits.

The composition root of the commands for it, as `bootstrap` is the Router's. Blocking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any, TypeVar

import boto3

from .adapters.account import SHORT
from .adapters.api_gateway import UsageKeys
from .adapters.appconfig_rollouts import MappingRollouts, Place
from .adapters.cloudformation import GatewayStack, gateway_stacks
from .adapters.dynamodb.accounts import TableAccounts
from .adapters.dynamodb.circuit_table import CircuitTable, Reading
from .adapters.dynamodb.drill_reports import TableReports
from .adapters.dynamodb.items import KeyRecord
from .adapters.dynamodb.key_records import KeyRecords
from .adapters.dynamodb.spend import TableSpend
from .adapters.dynamodb.table import Availability
from .adapters.gateway_client import GatewayClient
from .adapters.lambda_versions import PATIENT, FunctionVersions, Served, invoked, stop_rollout
from .adapters.monitoring import Monitoring
from .adapters.secrets_manager import read_secret, write_secret
from .drill import Order, Report
from .local_keys import ID_LENGTH, new_key
from .operation_errors import OperationError, error_code, explained
from .providers import known_providers
from .routing.accounts import Account, Balance, SpendLine, StoreLostError
from .routing.mapping import did_you_mean, holds_a_key, secret_name

T = TypeVar("T")
P = TypeVar("P")


class DeployedGateway:
    """One deployed gateway. Every method raises OperationError."""

    def __init__(self, session: boto3.Session, stack: GatewayStack) -> None:
        self._session = session
        self._stack = stack

    @staticmethod
    def find(stack: str | None, region: str | None, table: str | None = None) -> DeployedGateway:
        """The gateway of that CloudFormation stack, or the only one of the account and Region. With its state `table`
        named nothing is looked for; then only its circuits and the list of its keys are within reach."""
        with explained():
            session = boto3.Session(region_name=region)
            if table is not None:
                return DeployedGateway(session, GatewayStack(table, table, secrets_prefix="", usage_plans={}))
            found = gateway_stacks(session.client("cloudformation"), stack)
        where = f"in Region {session.region_name}"
        if not found:
            what = "gateway" if stack is None else f"gateway stack named {stack}"
            raise OperationError(f"there is no {what} {where}; deploy one, or choose with --stack and --region")
        if len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise OperationError(f"there are several gateways {where}: {names}; choose with --stack")
        return DeployedGateway(session, found[0])

    @property
    def name(self) -> str:
        return self._stack.name

    @property
    def stack(self) -> GatewayStack:
        return self._stack

    def widest_plan(self) -> str:
        """Name of the usage plan that allows the most requests a second."""
        plans = self._stack.usage_plans
        if not plans:
            raise OperationError(f"{self.name} has no usage plan: deploy it with one (-c plans=...)")
        with explained():
            return max(sorted(plans), key=lambda name: self._usage_keys.rate_of(plans[name]))

    def create_key(self, plan: str, expires_at: int | None, limits: str = "") -> tuple[str, KeyRecord]:
        """A new key, which is stored nowhere, and its record. `expires_at`: Unix seconds; `limits`: what the key may
        do, as `routing/key_fields.py` writes it."""
        plan_id = self._stack.usage_plans.get(plan)
        if plan_id is None:
            known = ", ".join(sorted(self._stack.usage_plans)) or "none"
            raise OperationError(f"{self.name} has no usage plan '{plan}'; it has: {known}")
        key, key_hash = new_key()
        key_id = key_hash[:ID_LENGTH]
        name = f"{self.name}-{key_id}"
        with explained():
            usage_key_id, usage_key = self._usage_keys.create(name, plan_id)
        record = KeyRecord(key_hash, key_id, plan, usage_key, usage_key_id, int(time.time()), expires_at, limits=limits)
        try:
            for other in self._elsewhere():
                other.copy_usage_key(name, plan, usage_key)
            with explained():
                self._records.add(record)
        except OperationError:
            self._delete_usage_keys(record)
            raise
        return key, record

    def copy_usage_key(self, name: str, plan: str, value: str) -> None:
        """The usage key of another Region's stack, here: the record that names its value is in both."""
        if plan not in self._stack.usage_plans:
            raise OperationError(
                f"{self.name} has no usage plan '{plan}' in every Region: deploy all of its stacks again"
            )
        with explained():
            self._usage_keys.create(name, self._stack.usage_plans[plan], value)

    def _elsewhere(self) -> list[DeployedGateway]:
        return [DeployedGateway.find(self.name, region) for region in self._stack.other_regions]

    def _delete_usage_keys(self, record: KeyRecord) -> None:
        """In every Region, whichever of them the key was made in."""
        with explained():
            self._usage_keys.delete(record.usage_key_id)
        for here in [self, *self._elsewhere()] if self._stack.other_regions else []:
            with explained():
                here._usage_keys.delete_named(f"{self.name}-{record.id}")

    def keys(self) -> list[KeyRecord]:
        with explained():
            return self._records.all()

    def change_key(self, old: KeyRecord, new: KeyRecord) -> bool:
        """Put one record in the place of the other. False: somebody has changed it since `old` was read."""
        with explained():
            return self._records.change(old, new)

    def revoke_key(self, key_id: str) -> KeyRecord:
        """The key is refused from now on. Harmless where it was revoked before."""
        matching = [record for record in self.keys() if record.id == key_id]
        if not matching:
            raise OperationError(f"{self.name} has no key '{key_id}'; `fallback-router keys list` shows them")
        (record,) = matching
        self.revoke(record)
        return record

    def revoke(self, record: KeyRecord) -> None:
        """As `revoke_key`, without looking for it."""
        with explained():
            if record.revoked_at is None:
                self._records.revoke(record, int(time.time()))
        self._delete_usage_keys(record)

    def balance(self, account: Account) -> Balance:
        """What is spent and left of an account in this period."""
        now = time.time()
        balance: Balance = self._counted(lambda table: table.balance(account.slot(now), now), TableAccounts)
        return balance

    def add_to(self, account: Account, amount: int) -> None:
        """Raise what is left of an account in this period."""
        self._counted(lambda table: table.add(account.slot(time.time()), amount), TableAccounts)

    def spent(self, first: str, last: str) -> list[SpendLine]:
        """What callers have spent from one day (`2026-11-29`, UTC) to another, both included."""
        return self._counted(lambda table: table.read(first, last), TableSpend)

    def _counted(self, ask: Callable[[P], Coroutine[Any, Any, T]], kind: Callable[[Any, str, Availability], P]) -> T:
        """What `ask` gets of what the state table keeps as `kind`."""
        reason = _Reason()
        client = self._session.client("dynamodb", config=SHORT)
        try:
            return asyncio.run(ask(kind(client, self._stack.state_table, Availability(reason))))
        except StoreLostError as error:
            raise OperationError(f"{error}: {reason.why}") from error

    def client(self, url: str | None, key: str, timeout: float) -> GatewayClient:
        """The gateway as the caller with that key meets it; at `url` where that is not the stack's own. `timeout`:
        seconds for one request."""
        return GatewayClient(url or self._stack.url, key, timeout)

    def set_secret(self, provider: str, secret: str) -> str:
        """Store the provider's key, or a JSON object of names and keys. Gives the secret's name."""
        if not holds_a_key(secret):
            raise OperationError("that is no key: one word of printable ASCII, or a JSON object of names and keys")
        name = secret_name(self._stack.secrets_prefix, provider)
        try:
            with explained():
                write_secret(self._session.client("secretsmanager"), self._stack.secrets_prefix, provider, secret)
        except OperationError as error:
            if error_code(error.__cause__) != "ResourceNotFoundException":
                raise
            known = known_providers()
            hint = "" if provider in known else did_you_mean(provider, known)
            raise OperationError(
                f"there is no secret {name}{hint}; the stack makes one for each provider in its mapping that needs a "
                "key: deploy it with a mapping that names this provider"
            ) from error
        return name

    def circuits(self, deployments: Sequence[str]) -> Reading:
        with explained():
            return self._circuits.read(deployments)

    def open_circuit(self, deployment: str) -> None:
        """Nobody asks the deployment any more, until `close_circuit`."""
        with explained():
            self._circuits.drain(deployment)

    def close_circuit(self, deployment: str) -> None:
        with explained():
            self._circuits.restore(deployment)

    def versions(self) -> Served:
        """The function's published versions, and which of them callers get."""
        if not self._stack.function:
            raise OperationError(f"{self.name} does not say which function it is (FunctionName): deploy it once more")
        with explained():
            return self._versions.read()

    def stop_rollout(self) -> str | None:
        """Stop moving callers to a new version; CodeDeploy moves them back. Gives the deployment's id; None: nothing
        was under way."""
        if self._stack.rollout is None:
            return None
        with explained():
            return stop_rollout(self._session.client("codedeploy"), *self._stack.rollout)

    def roll_back(self, served: Served, to: str | None) -> str:
        """All requests go to the version `to`, by default the one before. Gives the version."""
        known = [one.number for one in served.versions]
        target = served.before if to is None else to
        if target is None:
            raise OperationError(
                f"there is no version before {served.current}: {self.name} keeps them once it is deployed with "
                "-c rollout=canary (prod: always); until then deploy the older commit"
            )
        if target not in known:
            raise OperationError(f"{self.name} has no version {target}; it has: {', '.join(known)}")
        if target == served.current:
            raise OperationError(f"version {target} is the one that callers get already")
        with explained():
            if not self._versions.wake(target):
                raise OperationError(f"version {target} did not become ready; nothing was changed")
            self._versions.serve(target, instead_of=served.current)
        return target

    def reports(self) -> list[Report]:
        """The reports of its drills in this Region, the oldest first. Raises SealError where one is none."""
        with explained():
            return self._reports.all()

    def last_report(self) -> Report | None:
        """The newest of them; None: it has not drilled yet. Raises SealError where it is none."""
        with explained():
            return self._reports.last()

    def seal_key(self) -> bytes:
        """What its reports are sealed with."""
        with explained():
            client = self._session.client("secretsmanager", config=SHORT)
            return read_secret(self._drill_secret, client).encode()

    def drill(self, order: Order) -> Report:
        """Have its own function drill now, and wait for the end. Gives the report that was kept."""
        before = self.last_report() if self._drill_secret else None
        with explained():
            client = self._session.client("lambda", config=PATIENT)
            said = invoked(client, self._stack.function, order.to_event())
        report = self.last_report()
        if report is None or (before is not None and report.digest == before.digest):
            raise OperationError(f"{self.name} kept no report of a drill; its function said: {said}")
        return report

    @property
    def _drill_secret(self) -> str:
        if not self._stack.drill_secret:
            raise OperationError(f"{self.name} does not drill: deploy it with -c drill='rate(1 day)'")
        return self._stack.drill_secret

    @cached_property
    def _reports(self) -> TableReports:
        return TableReports(self._session.client("dynamodb"), self._stack.state_table, self._session.region_name or "")

    @cached_property
    def _versions(self) -> FunctionVersions:
        return FunctionVersions(self._session.client("lambda"), self._stack.function)

    @cached_property
    def mappings(self) -> MappingRollouts:
        """What AppConfig has of its mapping. Its methods raise botocore's errors."""
        if not self._stack.mapping_place:
            raise OperationError(f"{self.name} has no live mapping; deploy it with -c live_mapping=true")
        clients = self._session.client("appconfig"), self._session.client("cloudwatch", config=SHORT)
        return MappingRollouts(*clients, Place.of(self._stack.mapping_place))

    @cached_property
    def monitoring(self) -> Monitoring:
        """What CloudWatch and the alarms' topic know. Its methods raise botocore's errors."""
        clients = self._session.client("cloudwatch", config=SHORT), self._session.client("sns", config=SHORT)
        return Monitoring(*clients, service=self._stack.secrets_prefix, topic=self._stack.alarm_topic)

    @cached_property
    def _records(self) -> KeyRecords:
        return KeyRecords(self._session.client("dynamodb"), self._stack.state_table)

    @cached_property
    def _circuits(self) -> CircuitTable:
        # No probe is acquired here; the lease only makes an item's life a little longer.
        return CircuitTable(self._session.client("dynamodb"), self._stack.state_table, probe_seconds=60)

    @cached_property
    def _usage_keys(self) -> UsageKeys:
        return UsageKeys(self._session.client("apigateway"))


class _Reason:
    """A `StateObserver` that keeps why the table could not be used."""

    why = "it gave no answer"

    def circuit_moved(self, deployment: str, state: str) -> None:
        """Nothing is asked that moves one."""

    def state_unavailable(self, what: str, why: str) -> None:
        self.why = why
