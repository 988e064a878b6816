"""What `preflight` and `smoke` find out: one line for each thing that was looked at, with the fix if it needs one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from .operation_errors import DENIED, OperationError, error_code

Status = Literal["ok", "warning", "failed"]
Announce = Callable[[str], AbstractContextManager[None]]
"""Says what is being looked at while the context lasts."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table."""

    name: str
    status: Status
    seen: str
    """What was found."""
    fix: str = ""
    """What to do about it; empty where it is well."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at."""

    name: str
    permission: str
    """IAM action that looking needs."""
    look: Callable[[], Check]
    """Raises botocore's errors, or an OperationError that one of them caused."""


def performed(looks: Iterable[Look], announce: Announce) -> Iterator[Check]:
    """Every look's line. What AWS refuses or cannot answer is a warning: it says nothing about the thing itself."""
    for one in looks:
        with announce(one.name):
            yield one.look() if not one.permission else _guarded(one)


def _guarded(one: Look) -> Check:
    try:
        return one.look()
    except OperationError as error:
        return _unchecked(one, error.__cause__ or error)
    except (BotoCoreError, ClientError) as error:
        return _unchecked(one, error)


def _unchecked(one: Look, error: BaseException) -> Check:
    seen, fix = str(error), "see what AWS says, and run it again"
    if isinstance(error, ClientError):
        seen = f"{error.operation_name}: {error_code(error)}: {error.response['Error'].get('Message', '')}"
        fix = f"grant {one.permission}" if error_code(error) in DENIED else fix
    elif isinstance(error, EndpointConnectionError):
        fix = "check the network, and whether AWS offers this service in this Region"
    return Check(one.name, "warning", f"could not be checked: {seen}", fix)


def well(checks: Iterable[Check]) -> bool:
    return all(check.status != "failed" for check in checks)
