"""What a stage may do and its operators should know: warnings of the synthesis."""

from __future__ import annotations

from .stage import Stage


def concerns(stage: Stage) -> dict[str, str]:
    """Name -> text, with the fix."""
    found = {}
    if stage.name == "prod" and not stage.alarm_email:
        found["alarmEmail"] = "-c alarm_email: not set, so nobody hears of an alarm; give an address"
    if stage.name == "prod" and not stage.authorizer_concurrency:
        found["authorizerConcurrency"] = (
            "-c authorizer_concurrency: not set, so requests that use up the account's concurrency lock other callers "
            "out with them; give 5 where the account's quota leaves Lambda 100 beside what is reserved"
        )
    return found
