"""Published versions of a deployed gateway's function, and the alias that names the one callers get. Blocking; raises
botocore's errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

ALIAS = "live"
"""As infra/function.py names it; a test compares."""
LATEST = "$LATEST"
UNFINISHED = ("Created", "Queued", "InProgress", "Baking", "Ready")
WAKE_SECONDS = 180.0
"""A version that was asleep has a new snapshot by then."""
POLL_SECONDS = 5.0
PATIENT = Config(connect_timeout=5, read_timeout=905, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""For an answer that takes as long as a function may (15 minutes), asked for once."""
MOST_SAID = 500
_MARK = "rolled back from version "


@dataclass(frozen=True, slots=True)
class Version:
    number: str
    published: str
    """ISO 8601, as Lambda has it."""
    state: str
    """`Inactive` after 14 days without a request: its snapshot is gone, and it has to be woken first. Source: Lambda
    developer guide, "Troubleshooting SnapStart errors"."""
    share: float
    """Of the callers' requests, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the alias says."""

    versions: tuple[Version, ...]
    """The newest first."""
    avoided: str
    """The version that was last rolled back; empty: none was."""

    @property
    def current(self) -> str:
        """The version with the most requests."""
        return max(self.versions, key=lambda one: (one.share, int(one.number))).number

    @property
    def before(self) -> str | None:
        """The newest version before the current one that was not itself rolled back."""
        earlier = [one.number for one in self.versions if int(one.number) < int(self.current)]
        return next((number for number in earlier if number != self.avoided), None)


def invoked(client: Any, name: str, event: Mapping[str, Any]) -> str:
    """Have callers' version of the function take an event, wait for its end, and give what it said: the first
    characters of that."""
    answer = client.invoke(FunctionName=name, Qualifier=ALIAS, Payload=json.dumps(event).encode())
    # What streams puts its head before its body, and eight zeros between.
    return str(answer["Payload"].read().rpartition(b"\0" * 8)[2].decode(errors="replace"))[:MOST_SAID]


class FunctionVersions:
    """`name`: the function's."""

    def __init__(self, client: Any, name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def read(self) -> Served:
        alias = self._client.get_alias(FunctionName=self._name, Name=ALIAS)
        weights = dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))
        shares = {alias["FunctionVersion"]: 1 - sum(weights.values()), **weights}
        pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=self._name)
        versions = [
            Version(one["Version"], one.get("LastModified", ""), one.get("State", ""), shares.get(one["Version"], 0.0))
            for page in pages
            for one in page["Versions"]
            if one["Version"] != LATEST
        ]
        _, marked, avoided = alias.get("Description", "").partition(_MARK)
        versions.sort(key=lambda one: int(one.number), reverse=True)
        return Served(tuple(versions), avoided if marked else "")

    def wake(self, number: str) -> bool:
        """Whether that version can take requests. Waits `WAKE_SECONDS` at most."""
        for poll in range(int(WAKE_SECONDS / POLL_SECONDS)):
            state = self._client.get_function_configuration(FunctionName=self._name, Qualifier=number).get("State")
            if state in (None, "Active"):
                return True
            if state == "Failed":
                return False
            if poll == 0 and state == "Inactive":
                # Any event makes Lambda take the snapshot anew. Nobody waits for the answer.
                self._client.invoke(FunctionName=self._name, Qualifier=number, InvocationType="Event", Payload=b"{}")
            self._sleep(POLL_SECONDS)
        return False

    def serve(self, number: str, *, instead_of: str) -> None:
        """All requests go to that version from now on."""
        self._client.update_alias(
            FunctionName=self._name,
            Name=ALIAS,
            FunctionVersion=number,
            Description=f"{_MARK}{instead_of}",
            RoutingConfig={"AdditionalVersionWeights": {}},
        )


def stop_rollout(client: Any, application: str, group: str) -> str | None:
    """Stop the deployment that is moving callers, so that CodeDeploy moves them back. Gives its id; None: there is
    none under way."""
    under_way = client.list_deployments(
        applicationName=application,
        deploymentGroupName=group,
        includeOnlyStatuses=list(UNFINISHED),
    )["deployments"]
    if not under_way:
        return None
    client.stop_deployment(deploymentId=under_way[0], autoRollbackEnabled=True)
    return str(under_way[0])
