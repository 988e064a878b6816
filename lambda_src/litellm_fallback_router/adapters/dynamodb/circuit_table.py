"""Circuits in the state table, through the persistence layer of Powertools' circuit breaker. Blocking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig
from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence

from .items import CIRCUIT, DRAINED, PARTITION_KEY, TTL, circuit_key
from .table import TableBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

BATCH = 100
"""Most keys of one BatchGetItem (DynamoDB's API reference)."""
State = Literal["OPEN", "HALF_OPEN", "CLOSED"]


@dataclass(frozen=True, slots=True)
class StoredCircuit:
    """A circuit as the fleet knows it. Times are Unix seconds, whole ones."""

    state: State = "CLOSED"
    opened_at: int = 0
    probe_until: int = 0
    """End of the probe's lease."""


CLOSED = StoredCircuit()


@dataclass(frozen=True, slots=True)
class Reading:
    """All circuits at one moment."""

    circuits: Mapping[str, StoredCircuit]
    """By deployment; one that is missing is closed."""
    drained: frozenset[str]


class CircuitTable:
    """Raises `TABLE_ERRORS`."""

    def __init__(self, client: DynamoDBClient, table: str, probe_seconds: float) -> None:
        """`probe_seconds`: a probe that has not ended by then is forgotten, and another may start."""
        self._client = client
        self._table = table
        self._layer = CircuitBreakerDynamoDBPersistence(
            table_name=table, key_attr=PARTITION_KEY, expiry_attr=TTL, boto3_client=client
        )
        # The layer reads one thing from it: how long a probe's lease lasts.
        self._config = CircuitBreakerConfig(recovery_timeout=math.ceil(probe_seconds))

    def read(self, deployments: Sequence[str]) -> Reading:
        """All of them at once, half a read unit each."""
        items = self._items([DRAINED, *map(circuit_key, deployments)])
        drained = items.pop(DRAINED, {}).get("deployments", {}).get("SS", [])
        circuits = {key.removeprefix(CIRCUIT): _circuit(item) for key, item in items.items()}
        return Reading(circuits, frozenset(drained))

    def open(self, deployment: str, failures: int, opened_at: int) -> None:
        self._layer.save_open(self._configured(deployment), failures, opened_at)

    def acquire_probe(self, deployment: str, owner: str, opened_at: int) -> bool:
        """True for one caller in the fleet. `opened_at`: as it was read, so that a stale reading wins nothing."""
        return self._layer.try_acquire_half_open(self._configured(deployment), owner, opened_at)

    def reopen(self, deployment: str, opened_at: int) -> None:
        """The probe failed, or ended without a verdict (then with the old `opened_at`: the next may start at once)."""
        self._layer.save_reopen(self._configured(deployment), opened_at)

    def close(self, deployment: str) -> None:
        self._layer.save_closed(self._configured(deployment))

    def drain(self, deployment: str) -> None:
        """Take it out of service until `restore`."""
        self._change_drained("ADD", deployment)

    def restore(self, deployment: str) -> None:
        """Back into service, with a clean slate."""
        self._change_drained("DELETE", deployment)
        self.close(deployment)

    def _configured(self, deployment: str) -> str:
        name = circuit_key(deployment)
        self._layer.configure(self._config, name)
        return name

    def _items(self, keys: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for start in range(0, len(keys), BATCH):
            batch = [{PARTITION_KEY: {"S": key}} for key in keys[start : start + BATCH]]
            response = self._client.batch_get_item(RequestItems={self._table: {"Keys": batch}})
            if response["UnprocessedKeys"]:
                raise TableBusyError
            found |= {item[PARTITION_KEY]["S"]: item for item in response["Responses"].get(self._table, [])}
        return found

    def _change_drained(self, action: Literal["ADD", "DELETE"], deployment: str) -> None:
        self._client.update_item(
            TableName=self._table,
            Key={PARTITION_KEY: {"S": DRAINED}},
            UpdateExpression=f"{action} deployments :one",
            ExpressionAttributeValues={":one": {"SS": [deployment]}},
        )


def _circuit(item: Mapping[str, Any]) -> StoredCircuit:
    state = item["state"]["S"]
    return StoredCircuit(
        state=state if state in ("OPEN", "HALF_OPEN") else "CLOSED",
        opened_at=_number(item, "opened_at"),
        probe_until=_number(item, "probe_lease_expiry"),
    )


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
