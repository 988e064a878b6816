"""What `preflight` and `smoke` find out: one line for each thing that was looked at, with the fix if it needs one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

Status = Literal["ok", "warning", "failed"]
Announce = Callable[[str], AbstractContextManager[None]]
"""Says what is being looked at while the context lasts, and at its end that one more thing was."""

_DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"),
        *("UnauthorizedException", "UnauthorizedOperation", "NotAuthorized"),
    }
)
"""How AWS's services say that a permission is missing."""


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
    """Raises botocore's errors."""


def performed(looks: Iterable[Look], announce: Announce) -> Iterator[Check]:
    """Every look's line. What AWS refuses or cannot answer is a warning: it says nothing about the thing itself."""
    for one in looks:
        with announce(one.name):
            yield one.look() if not one.permission else _guarded(one)


def _guarded(one: Look) -> Check:
    try:
        return one.look()
    except ClientError as error:
        code, said = code_of(error), error.response["Error"].get("Message", "")
        fix = f"grant {one.permission}" if code in _DENIED else "see what AWS says, and run it again"
        return Check(one.name, "warning", f"could not be checked: {error.operation_name}: {code}: {said}", fix)
    except EndpointConnectionError as error:
        fix = "check the network, and whether AWS offers this service in this Region"
        return Check(one.name, "warning", f"could not be checked: {error}", fix)
    except BotoCoreError as error:
        return Check(one.name, "warning", f"could not be checked: {error}", "see what AWS says, and run it again")


def code_of(error: BaseException) -> str:
    """AWS's code of an error; empty for any other."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def well(checks: Iterable[Check]) -> bool:
    return all(check.status != "failed" for check in checks)


@contextmanager
def in_silence(_: str) -> Iterator[None]:
    """Announces nothing."""
    yield
