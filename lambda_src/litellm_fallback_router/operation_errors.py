"""What AWS says to an operator's command, in words of what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

SIGN_IN = "sign in (aws sso login, aws configure), or name another profile (AWS_PROFILE)"
DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"),
        *("UnauthorizedException", "UnauthorizedOperation", "NotAuthorized"),
    }
)
"""How AWS's services say that a permission is missing."""
_UNKNOWN = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        *("InvalidClientTokenId", "UnrecognizedClientException"),
    }
)
"""How they say that credentials are over, or unknown. Source: AWS's "Common Errors" of its API references."""
_BUSY = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"})
_UNUSABLE = (CredentialRetrievalError, LoginError, PartialCredentialsError, SSOError, TokenRetrievalError)
"""What botocore raises where there are credentials, and they cannot be had or renewed."""


class OperationError(Exception):
    """It could not be done. The text says what to do next, and never holds a key."""


@contextmanager
def explained() -> Iterator[None]:
    """Turns what AWS says into what to do."""
    try:
        yield
    except NoRegionError as error:
        raise OperationError("no AWS Region: add --region, or set AWS_DEFAULT_REGION") from error
    except NoCredentialsError as error:
        raise OperationError(f"no AWS credentials: {SIGN_IN}") from error
    except ProfileNotFound as error:
        raise OperationError(f"{error}: name one that exists (AWS_PROFILE)") from error
    except _UNUSABLE as error:
        raise OperationError(f"the AWS credentials cannot be used: {error}; {SIGN_IN}") from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise OperationError("AWS cannot be reached: check the network and the Region") from error
    except ReadTimeoutError as error:
        raise OperationError(f"AWS did not answer in time: {error}; try again in a moment") from error
    except ClientError as error:
        raise OperationError(_refusal(error)) from error
    except BotoCoreError as error:
        raise OperationError(f"the call to AWS failed: {error}") from error


def _refusal(error: ClientError) -> str:
    code, said = error_code(error), error.response["Error"].get("Message", "")
    # AppConfig's validators say what is wrong with a mapping here.
    details: Any = error.response.get("Details") or {}
    found = details.get("InvalidConfiguration", [])
    said = "\n  ".join([said, *(str(one["Reason"]) for one in found if one.get("Reason"))])
    return f"AWS refused {error.operation_name}: {code}: {said}{_next_step(code)}"


def _next_step(code: str) -> str:
    if code in _UNKNOWN:
        return f"; {SIGN_IN}"
    if code in DENIED:
        return "; have that permission granted to you, or name another profile (AWS_PROFILE)"
    return "; try again in a moment" if code in _BUSY else ""


def error_code(error: BaseException | None) -> str:
    """AWS's code of an error; empty where it is none of AWS's."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""
