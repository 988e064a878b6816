"""What an operator does to a deployed gateway: its providers' keys, circuits, versions, drills and mappings. The
callers' keys are in `deployed_keys`.

The composition root of the commands for it, as `bootstrap` is the Router's. Blocking.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import boto3

from .adapters.account import SHORT
from .adapters.appconfig_rollouts import MappingRollouts, Place
from .adapters.cloudformation import GatewayStack, gateway_stacks
from .adapters.dynamodb.circuit_table import CircuitTable, Reading
from .adapters.dynamodb.drill_reports import TableReports
from .adapters.dynamodb.table import TableBusyError
from .adapters.gateway_client import GatewayClient
from .adapters.lambda_versions import PATIENT, FunctionVersions, Served, invoked, stop_rollout
from .adapters.monitoring import Monitoring
from .adapters.secrets_manager import read_secret, write_secret
from .drill import Order, Report
from .operation_errors import OperationError, error_code, explained
from .providers import known_providers
from .routing.mapping import did_you_mean, holds_a_key, secret_name


class DeployedGateway:
    """One deployed gateway. Its methods raise OperationError unless they say otherwise."""

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
            found = gateway_stacks(session.client("cloudformation", config=SHORT), stack)
        where = f"in Region {session.region_name}"
        if not found:
            what = "gateway" if stack is None else f"gateway stack named {stack}"
            elsewhere = "choose another Region (--region) or account (AWS_PROFILE), or deploy one"
            raise OperationError(f"there is no {what} {where}; {elsewhere}")
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

    def elsewhere(self) -> list[DeployedGateway]:
        """The stage in its other Regions."""
        return [DeployedGateway.find(self.name, region) for region in self._stack.other_regions]

    def connect(self, service: Any) -> Any:
        """A client of one of AWS's services, which waits no longer than `SHORT` has it. Raises botocore's errors."""
        return self._session.client(service, config=SHORT)

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
                write_secret(self.connect("secretsmanager"), self._stack.secrets_prefix, provider, secret)
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
            try:
                return self._circuits.read(deployments)
            except TableBusyError as error:
                raise OperationError(f"{error}; try again in a moment") from error

    def open_circuit(self, deployment: str) -> None:
        """No request is sent to the deployment any more, until `close_circuit`."""
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
            return stop_rollout(self.connect("codedeploy"), *self._stack.rollout)

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
                raise OperationError(
                    f"version {target} did not become ready; nothing was changed: name another one of "
                    "`fallback-router rollback --show` with --to"
                )
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
            return read_secret(self._drill_secret, self.connect("secretsmanager")).encode()

    def drill(self, order: Order) -> Report:
        """Have its own function drill now, and wait for the end. Gives the report that was kept."""
        before = self.last_report() if self._drill_secret else None
        with explained():
            client = self._session.client("lambda", config=PATIENT)
            said = invoked(client, self._stack.function, order.to_event())
        report = self.last_report()
        if report is None or (before is not None and report.digest == before.digest):
            raise OperationError(
                f"{self.name} kept no report of a drill; its log (the output LogGroup) says why. "
                f"Its function said: {said}"
            )
        return report

    @property
    def _drill_secret(self) -> str:
        if not self._stack.drill_secret:
            raise OperationError(f"{self.name} does not drill: deploy it with -c drill='rate(1 day)'")
        return self._stack.drill_secret

    @cached_property
    def _reports(self) -> TableReports:
        return TableReports(self.connect("dynamodb"), self._stack.state_table, self._session.region_name or "")

    @cached_property
    def _versions(self) -> FunctionVersions:
        return FunctionVersions(self.connect("lambda"), self._stack.function)

    @cached_property
    def mappings(self) -> MappingRollouts:
        """What AppConfig has of its mapping. Its methods raise botocore's errors."""
        if not self._stack.mapping_place:
            raise OperationError(f"{self.name} has no live mapping; deploy it with -c live_mapping=true")
        place = Place.of(self._stack.mapping_place)
        return MappingRollouts(self.connect("appconfig"), self.connect("cloudwatch"), place)

    @cached_property
    def monitoring(self) -> Monitoring:
        """What CloudWatch and the alarms' topic know. Its methods raise botocore's errors."""
        clients = self.connect("cloudwatch"), self.connect("sns")
        return Monitoring(*clients, service=self._stack.secrets_prefix, topic=self._stack.alarm_topic)

    @cached_property
    def _circuits(self) -> CircuitTable:
        # No probe is acquired here; the lease only makes an item's life a little longer.
        return CircuitTable(self.connect("dynamodb"), self._stack.state_table, probe_seconds=60)
