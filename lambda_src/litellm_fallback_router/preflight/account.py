"""Checks of the account and the Region, apart from models."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..adapters.account import Account
from ..aws_regions import ADAPTER_REGIONS, adapter_layer_arn, has_snapstart
from ..checklist import Check, Look

BOOTSTRAP_VERSION = 6
"""The oldest version of CDK's own stack that takes ours; the template has a rule that says so."""
CONCURRENCY_QUOTA = "L-B99A9384"
"""Service Quotas' code of Lambda's concurrent executions."""
LEFT_UNRESERVED = 100
"""Concurrency that Lambda leaves to functions without a reservation. Source: Lambda developer guide, "Configuring
reserved concurrency"."""
OUR_ROLE = ("FallbackRouter-", "ApiLogRole")
"""Parts of the name of the role that this stack makes for API Gateway's logs."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many requests are expected, and how long each takes."""

    rate: float
    """Requests a second."""
    seconds: float
    """That one request takes."""

    @property
    def at_once(self) -> int:
        """Requests under way at the same time, on average: rate times duration (Little's law). A Lambda environment
        works on one."""
        return max(1, math.ceil(self.rate * self.seconds))


def account_looks(account: Account, region: str, partition: str, *, arch: str, load: Load) -> list[Look]:
    """`partition`: of the Region, such as `aws`; `arch`: of the functions."""
    layer = adapter_layer_arn(partition, region, arch)
    return [
        Look("CDK's bootstrap stack", "ssm:GetParameter", lambda: _bootstrap(account, region)),
        Look("SnapStart", "", lambda: _snapstart(region)),
        Look("Web Adapter layer", "lambda:GetLayerVersion", lambda: _layer(account, layer, region)),
        Look("Lambda's concurrency", "lambda:GetAccountSettings", lambda: _concurrency(account, region, load)),
        Look("API Gateway's log role", "apigateway:GET on /account", lambda: _log_role(account, region)),
    ]


def _bootstrap(account: Account, region: str) -> Check:
    name, version = "CDK's bootstrap stack", account.bootstrap_version()
    fix = 'run `npx aws-cdk bootstrap`, as the README has it under "In five minutes"'
    if version is None:
        return Check(name, "failed", f"CDK was never set up in this account and {region}", fix)
    if version < BOOTSTRAP_VERSION:
        return Check(name, "failed", f"version {version}; the stack needs {BOOTSTRAP_VERSION}", fix)
    return Check(name, "ok", f"version {version}")


def _snapstart(region: str) -> Check:
    if has_snapstart(region):
        return Check("SnapStart", "ok", f"{region} has it, by AWS's documentation (no API tells)")
    fix = "expect some seconds at the first request of each new environment, or deploy in another Region"
    return Check("SnapStart", "warning", f"{region} does not have it; -c snapstart=auto deploys without", fix)


def _layer(account: Account, arn: str, region: str) -> Check:
    name, fix = "Web Adapter layer", "deploy in another Region, or without streaming: -c response_mode=buffered"
    if region not in ADAPTER_REGIONS:
        return Check(name, "failed", f"its authors do not publish it in {region}", fix)
    if account.has_layer(arn):
        return Check(name, "ok", arn)
    return Check(name, "failed", f"{region} has no {arn}", fix)


def _concurrency(account: Account, region: str, load: Load) -> Check:
    name, found, needed = "Lambda's concurrency", account.concurrency(), load.at_once
    expected = f"{load.rate:g} requests a second of {load.seconds:g} s are {needed} at once"
    reservable = max(0, found.unreserved - LEFT_UNRESERVED)
    free = f"{found.unreserved} of the account's {found.limit} are free, of which {reservable} can be reserved"
    seen = f"{free}; {expected}"
    fix = (
        f"aws service-quotas request-service-quota-increase --service-code lambda --quota-code {CONCURRENCY_QUOTA} "
        f"--desired-value {max(1000, 2 * needed)} --region {region}"
    )
    if needed > found.unreserved:
        return Check(name, "failed", seen, fix)
    if 2 * needed > found.unreserved:
        return Check(name, "warning", f"{seen}, which leaves nothing for a peak of twice as many", fix)
    return Check(name, "ok", seen)


def _log_role(account: Account, region: str) -> Check:
    name, role = "API Gateway's log role", account.log_role()
    if role is None:
        return Check(name, "ok", "none yet; the stack makes one")
    if all(part in role for part in OUR_ROLE):
        return Check(name, "ok", f"{role}, made by a stack of this gateway")
    seen = f"{role}; the stack would put a role of its own in its place, for every API of the account in {region}"
    fix = (
        "the new one lets them all go on logging. To go back after a deployment: aws apigateway update-account "
        f"--patch-operations op=replace,path=/cloudwatchRoleArn,value={role} --region {region}"
    )
    return Check(name, "warning", seen, fix)
