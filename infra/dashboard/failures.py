"""What failed last: attempts and requests, out of the log."""

from __future__ import annotations

from aws_cdk.aws_logs import ILogGroup

from .widgets import Row, table


def last(log_group: ILogGroup) -> Row:
    """The newest of each."""
    return [
        table(
            "Failed attempts",
            log_group,
            "fields @timestamp, request_id, provider, model, outcome, status, reason",
            "filter message = 'attempt_failed'",
            "sort @timestamp desc",
            "limit 20",
            height=8,
        ),
        table(
            "Failed requests",
            log_group,
            "fields @timestamp, request_id, caller, requested_model, status, code, attempts, seconds",
            "filter message = 'request_failed'",
            "sort @timestamp desc",
            "limit 20",
            height=8,
        ),
    ]
