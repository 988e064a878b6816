"""What AWS says to an operator's command, in words of what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)


class OperationError(Exception):
    """It could not be done. The text says what to do next, and never holds a key."""


@contextmanager
def explained() -> Iterator[None]:
    """Turns what AWS says into what to do."""
    try:
        yield
    except NoRegionError as error:
        raise OperationError("no AWS Region: add --region, or set AWS_DEFAULT_REGION") from error
    except (NoCredentialsError, ProfileNotFound) as error:
        raise OperationError(
            "no AWS credentials: set AWS_PROFILE, or sign in (aws sso login, aws configure)"
        ) from error
    except EndpointConnectionError as error:
        raise OperationError("AWS cannot be reached: check the network and the Region") from error
    except ClientError as error:
        code, said = error_code(error), error.response["Error"].get("Message", "")
        # AppConfig's validators say what is wrong with a mapping here.
        details: Any = error.response.get("Details") or {}
        found = details.get("InvalidConfiguration", [])
        said = "\n  ".join([said, *(str(one["Reason"]) for one in found if one.get("Reason"))])
        raise OperationError(f"AWS refused {error.operation_name}: {code}: {said}") from error
    except BotoCoreError as error:
        raise OperationError(f"the call to AWS failed: {error}") from error


def error_code(error: BaseException | None) -> str:
    """AWS's code of an error; empty where it is none of AWS's."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""
