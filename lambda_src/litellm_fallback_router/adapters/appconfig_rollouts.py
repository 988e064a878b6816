"""Mappings of a deployed stage in AWS AppConfig, for its operator: pushed, rolled out, taken back.

Blocking; raises botocore's errors. Source: AWS AppConfig API reference, `StartDeployment`, `StopDeployment`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

IN_PROGRESS = frozenset({"VALIDATING", "DEPLOYING", "BAKING", "ROLLING_BACK"})
IN_FORCE = frozenset({"BAKING", "COMPLETE"})
"""States in which every environment has a deployment's mapping."""
TAKEN_BACK = frozenset({"ROLLING_BACK", "ROLLED_BACK", "REVERTED"})
REVERTIBLE_HOURS = 72
AT_ONCE_SECONDS = 60.0
"""Longest wait for a rollout to everyone at once."""
LOOK_SECONDS = 1.0
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Ids in AppConfig, as the stack's output has them."""

    application: str
    environment: str
    profile: str
    step_by_step: str
    at_once: str

    @classmethod
    def of(cls, output: str) -> Place:
        return cls(*output.split("/"))


@dataclass(frozen=True, slots=True)
class Pushed:
    """One rollout of a mapping."""

    number: int
    version: str
    """Of the mapping in AppConfig: 1, 2, 3 ..."""
    state: str
    percent: float
    """Of the environments that it has reached."""
    started: datetime | None
    about: str = ""

    @property
    def in_progress(self) -> bool:
        return self.state in IN_PROGRESS

    @property
    def is_going(self) -> bool:
        """Whether it is being taken back, or was."""
        return self.state in TAKEN_BACK


class MappingRollouts:
    """The mappings of one stage. `clients`: of AppConfig, and of CloudWatch."""

    def __init__(self, appconfig: Any, cloudwatch: Any, place: Place, *, pause: Callable[[float], None] = time.sleep):
        self._appconfig = appconfig
        self._cloudwatch = cloudwatch
        self._place = place
        self._where = {"ApplicationId": place.application, "EnvironmentId": place.environment}
        self._pause = pause

    def history(self) -> list[Pushed]:
        """The newest rollouts first, `MOST_SHOWN` at most."""
        pages = self._appconfig.get_paginator("list_deployments").paginate(
            **self._where, PaginationConfig={"MaxItems": MOST_SHOWN}
        )
        items = [item for page in pages for item in page["Items"]]
        # An application has one environment and one profile, so all of them are of this mapping.
        return sorted((_pushed(item) for item in items), key=lambda one: -one.number)

    def in_force(self) -> Pushed | None:
        """The rollout whose mapping everyone has; None: nobody has a pushed one."""
        return next((one for one in self.history() if one.state in IN_FORCE), None)

    def mapping(self, version: str) -> Any:
        """The mapping of that version, as it was pushed."""
        found = self._appconfig.get_hosted_configuration_version(
            ApplicationId=self._place.application,
            ConfigurationProfileId=self._place.profile,
            VersionNumber=int(version),
        )
        return json.loads(found["Content"].read())

    def add(self, mapping: Any, about: str) -> str:
        """A new version, which nobody has yet. AppConfig's validators have looked at it. Gives its number."""
        profile = {"ApplicationId": self._place.application, "ConfigurationProfileId": self._place.profile}
        content = json.dumps(mapping, ensure_ascii=False, separators=(",", ":")).encode()
        made = self._appconfig.create_hosted_configuration_version(
            **profile, Content=content, ContentType="application/json", Description=about
        )
        version = str(made["VersionNumber"])
        try:
            self._appconfig.validate_configuration(**profile, ConfigurationVersion=version)
        except BaseException:
            # It would be offered in AppConfig's console as one to deploy.
            self._appconfig.delete_hosted_configuration_version(**profile, VersionNumber=int(version))
            raise
        return version

    def roll_out(self, version: str, about: str) -> Pushed:
        """Begin a rollout step by step, which AppConfig goes on with."""
        return self._start(version, about, self._place.step_by_step)

    def roll_out_at_once(self, version: str, about: str, silenced: Sequence[str]) -> Pushed:
        """A rollout to everyone, which has ended before this returns. The alarms named in `silenced` ring now, and take
        nothing back meanwhile: AppConfig looks at none whose actions are disabled. Source: AWS AppConfig user guide,
        "Monitoring deployments for automatic rollback"."""
        if silenced:
            self._cloudwatch.disable_alarm_actions(AlarmNames=silenced)
        try:
            pushed = self._start(version, about, self._place.at_once)
            until = time.monotonic() + AT_ONCE_SECONDS
            while pushed.in_progress and time.monotonic() < until:
                self._pause(LOOK_SECONDS)
                pushed = _pushed(self._appconfig.get_deployment(**self._where, DeploymentNumber=pushed.number))
        finally:
            if silenced:
                self._cloudwatch.enable_alarm_actions(AlarmNames=silenced)
        return pushed

    def take_back(self, pushed: Pushed) -> Pushed:
        """End a rollout, or undo one that has ended (for `REVERTIBLE_HOURS`): all have the mapping before."""
        # Allowed whatever the state was: a rollout that has ended since it was read is undone then, not refused.
        stopped = self._appconfig.stop_deployment(**self._where, DeploymentNumber=pushed.number, AllowRevert=True)
        return _pushed(stopped)

    def ringing(self) -> list[str]:
        """Names of the watched alarms that are not quiet: AppConfig takes a rollout back while one is so. Those whose
        actions an operator has disabled are left out: AppConfig does not look at them."""
        watched = self._appconfig.get_environment(**self._where).get("Monitors", [])
        names = [one["AlarmArn"].rpartition(":alarm:")[2] for one in watched]
        if not names:
            return []
        alarms = self._cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        return [one["AlarmName"] for one in alarms if one["StateValue"] != "OK" and one.get("ActionsEnabled", True)]

    def _start(self, version: str, about: str, strategy: str) -> Pushed:
        return _pushed(
            self._appconfig.start_deployment(
                **self._where,
                ConfigurationProfileId=self._place.profile,
                ConfigurationVersion=version,
                DeploymentStrategyId=strategy,
                Description=about,
            )
        )


def _pushed(item: Any) -> Pushed:
    return Pushed(
        item["DeploymentNumber"],
        str(item["ConfigurationVersion"]),
        item["State"],
        float(item.get("PercentageComplete", 0.0)),
        item.get("StartedAt"),
        item.get("Description", ""),
    )
