"""What surrounds the answers: the state table, the metrics, and the subscribers of the alarms."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...checklist import Check, Look

if TYPE_CHECKING:
    from ...adapters.dynamodb.circuit_table import Reading
    from ...adapters.monitoring import Monitoring
    from ...operations import DeployedGateway

POLL_SECONDS = 5.0
COUNTED, STATELESS = "Requests", "StateUnavailable"
METRICS, TABLE, ALARMS = "metrics", "state table", "alarms"


def alarm_look(monitoring: Monitoring) -> Look:
    return Look(ALARMS, "sns:ListSubscriptionsByTopic", lambda: _subscribed(monitoring))


def table_look(gateway: DeployedGateway, deployments: Sequence[str]) -> Look:
    return Look(TABLE, "dynamodb:BatchGetItem", lambda: _readable(gateway.circuits(deployments)))


def metrics_look(monitoring: Monitoring, requests: int, since: float, wait: float, say: Callable[[str], None]) -> Look:
    """`requests`: how many must have been counted since then (Unix seconds); `wait`: seconds, at most."""
    return Look(METRICS, "cloudwatch:GetMetricData", lambda: _arrived(monitoring, requests, since, wait, say))


def _subscribed(monitoring: Monitoring) -> Check:
    if not monitoring.topic:
        return Check(ALARMS, "warning", "the stack has no output AlarmTopicArn", "deploy it again")
    found = monitoring.subscribers()
    if found.confirmed:
        return Check(ALARMS, "ok", f"subscribers who confirmed: {found.confirmed}")
    if found.pending:
        waiting = ", ".join(found.pending)
        return Check(
            ALARMS, "failed", f"nobody hears of them: {waiting} has not confirmed", "confirm the mail from AWS"
        )
    fix = (
        "deploy with -c alarm_email=ADDRESS, or aws sns subscribe --protocol email --notification-endpoint ADDRESS "
        f"--topic-arn {monitoring.topic}; then confirm the mail"
    )
    return Check(ALARMS, "failed", "nobody hears of them: their topic has no subscriber", fix)


def _readable(reading: Reading) -> Check:
    opened = [
        f"{name} since {datetime.fromtimestamp(one.opened_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for name, one in reading.circuits.items()
        if one.state != "CLOSED"
    ]
    drained = [f"{name} by an operator" for name in sorted(reading.drained)]
    if opened or drained:
        seen = f"open: {', '.join([*opened, *drained])}"
        return Check(
            TABLE, "warning", seen, "mend those deployments; `fallback-router circuits close ID` brings one back"
        )
    return Check(TABLE, "ok", "can be read; every circuit is closed")


def _arrived(monitoring: Monitoring, requests: int, since: float, wait: float, say: Callable[[str], None]) -> Check:
    begun = time.monotonic()
    while True:
        sums = monitoring.sums([COUNTED, STATELESS], since)
        waited = time.monotonic() - begun
        if sums[COUNTED] >= requests:
            return _counted(sums, waited)
        if waited + POLL_SECONDS > wait:
            break
        say(f"metrics: {sums[COUNTED]:g} of {requests} requests in CloudWatch; waiting {waited:.0f} of {wait:g} s")
        time.sleep(POLL_SECONDS)
    seen = f"{sums[COUNTED]:g} of {requests} requests in CloudWatch after {waited:.0f} s"
    fix = (
        "run it again with a longer --wait; if the function's log has them and CloudWatch does not, set its "
        "application log level back to INFO"
    )
    return Check(METRICS, "failed", seen, fix)


def _counted(sums: Mapping[str, float], waited: float) -> Check:
    seen = f"{sums[COUNTED]:g} requests in CloudWatch after {waited:.0f} s"
    if not sums[STATELESS]:
        return Check(METRICS, "ok", seen)
    trouble = f"{seen}, and {sums[STATELESS]:g} times the gateway could not reach its state table"
    return Check(METRICS, "failed", trouble, "see state_unavailable in its log: DynamoDB slow, throttled or forbidden")
