"""What an operator reads when AWS refuses or cannot be reached: what is wrong, and what to do next."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from litellm_fallback_router.operation_errors import OperationError, explained

URL = "https://dynamodb.us-east-1.amazonaws.com"


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "said", "next_step"),
    [
        (NoRegionError(), "no AWS Region", "add --region"),
        (NoCredentialsError(), "no AWS credentials", "sign in (aws sso login"),
        (ProfileNotFound(profile="prd"), "(prd) could not be found", "AWS_PROFILE"),
        (UnauthorizedSSOTokenError(), "SSO session", "sign in (aws sso login"),
        (TokenRetrievalError(provider="sso", error_msg="refresh failed"), "refresh failed", "sign in (aws sso login"),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "missing: AWS_SECRET", "sign in"),
        (EndpointConnectionError(endpoint_url=URL), "AWS cannot be reached", "check the network"),
        (ConnectTimeoutError(endpoint_url=URL), "AWS cannot be reached", "check the network"),
        (ReadTimeoutError(endpoint_url=URL), "did not answer in time", "try again"),
        (refused("ExpiredToken", "the token is expired"), "DescribeStacks: ExpiredToken: the token", "sign in"),
        (refused("AccessDenied", "not authorized to perform: x"), "to perform: x; ", "have that permission granted"),
        (refused("Throttling", "Rate exceeded"), "Throttling: Rate exceeded", "try again in a moment"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_says_what_is_wrong_and_what_to_do(error: Exception, said: str, next_step: str) -> None:
    with pytest.raises(OperationError) as caught, explained():
        raise error
    assert said in str(caught.value)
    assert next_step in str(caught.value)
    assert caught.value.__cause__ is error


def test_what_is_not_known_is_told_in_awss_words() -> None:
    with pytest.raises(OperationError, match="the call to AWS failed: An unspecified error"), explained():
        raise BotoCoreError
    with pytest.raises(OperationError, match=r"^AWS refused DescribeStacks: Odd: so it is$"), explained():
        raise refused("Odd", "so it is")
