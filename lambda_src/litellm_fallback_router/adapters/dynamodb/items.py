"""The shapes of the state table's items. One table, partition key `pk`, TTL attribute `ttl` (Unix seconds).

circuit#DEPLOYMENT     state OPEN | HALF_OPEN | CLOSED, failure_count, opened_at, half_open_owner,
                       probe_lease_expiry (Unix seconds), ttl: as Powertools' circuit breaker writes them
drained                deployments: a set of the ids that an operator has taken out of service
rpm#DEPLOYMENT#MINUTE  sent: requests in that minute (Unix time / 60) by the whole fleet, ttl
account#NAME@PERIOD    one account in one period: taken, spent, added, assumed (whole numbers of its unit), leases (how
                       many are open), l#ID (an open lease: amount, a space, Unix seconds when it lapses),
                       s#DETAIL (part of spent, such as a model's), ttl
spend#DAY#CALLER#MODEL what a caller has spent on a model in a day: day, caller, model, nano_usd, wasted_nano_usd,
                       requests, prompt_tokens, completion_tokens, batch (the last that was added), ttl
drill#REGION#NUMBER    a sealed report of a drill there, the first is 00000001: report (JSON, gzip), ttl
drill#REGION#newest    number: of the newest report, or of one shortly before it, ttl
key#SHA256             a caller's key by its hash: id, plan, usage_key (the value API Gateway meters it by),
                       usage_key_id, created_at, expires_at?, revoked_at? (Unix seconds), limits? (what it may do:
                       `routing/key_fields.py` as one line of JSON); `authorizer.py` reads it and hands `limits` on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...routing.callers import KeyEntry
from ...routing.key_fields import from_text

PARTITION_KEY = "pk"
TTL = "ttl"
CIRCUIT = "circuit#"
KEY = "key#"
ACCOUNT = "account#"
SPEND = "spend#"
DRILL = "drill#"
DRAINED = "drained"


def circuit_key(deployment: str) -> str:
    return f"{CIRCUIT}{deployment}"


def window_key(deployment: str, minute: int) -> str:
    """`minute` is Unix time / 60."""
    return f"rpm#{deployment}#{minute}"


def report_key(region: str, number: int | None) -> str:
    """`number`: of a drill's report; None: what says which is the newest."""
    return f"{DRILL}{region}#{'newest' if number is None else f'{number:08d}'}"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A caller's key as the table has it: never the key itself. Times are Unix seconds."""

    key_hash: str
    id: str
    """What logs and operators call the key."""
    plan: str
    usage_key: str = field(repr=False)
    """Random value of the API Gateway key that meters this caller; of no use to anyone who reads it."""
    usage_key_id: str
    """API Gateway's id of that key."""
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    limits: str = ""
    """What the key may do, as JSON fields; empty: nothing is limited."""

    @property
    def entry(self) -> KeyEntry:
        """The same as every place of keys has it. Raises ValueError where `limits` is not right."""
        key = from_text(self.id, self.limits)
        return KeyEntry(key, self.key_hash, self.created_at, self.expires_at, self.revoked_at)

    def to_item(self) -> dict[str, Any]:
        """The item in DynamoDB's JSON."""
        item: dict[str, Any] = {PARTITION_KEY: {"S": f"{KEY}{self.key_hash}"}}
        item |= {name: {"S": getattr(self, name)} for name in ("id", "plan", "usage_key", "usage_key_id")}
        times = {name: getattr(self, name) for name in ("created_at", "expires_at", "revoked_at")}
        item |= {name: {"N": str(value)} for name, value in times.items() if value is not None}
        return item | ({"limits": {"S": self.limits}} if self.limits else {})

    @staticmethod
    def from_item(item: Mapping[str, Any]) -> KeyRecord:
        """Raises KeyError where the item is no key record."""
        texts: dict[str, Any] = {name: item[name]["S"] for name in ("id", "plan", "usage_key", "usage_key_id")}
        times = {name: int(item[name]["N"]) for name in ("created_at", "expires_at", "revoked_at") if name in item}
        limits = item["limits"]["S"] if "limits" in item else ""
        return KeyRecord(key_hash=item[PARTITION_KEY]["S"].removeprefix(KEY), limits=limits, **(texts | times))
