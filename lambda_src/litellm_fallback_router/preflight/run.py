"""The composition root of `fallback-router preflight`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import boto3

from ..adapters.account import SHORT, Account
from ..adapters.bedrock_catalog import BedrockCatalog
from ..checklist import Announce, Check, Look, performed
from ..operation_errors import OperationError, explained
from ..routing.mapping import RouterConfig
from .account import Load, account_looks
from .models import model_looks


@dataclass(frozen=True)
class Preflight:
    """The checks of one account and Region, before they are made."""

    region: str
    caller: str
    """ARN of the caller."""
    looks: tuple[Look, ...]

    def checks(self, announce: Announce) -> Iterator[Check]:
        with explained():
            yield from performed(self.looks, announce)


def preflight(config: RouterConfig, region: str | None, *, arch: str, load: Load) -> Preflight:
    """Raises OperationError where there are no credentials, or no Region."""
    with explained():
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise OperationError("no AWS Region: add --region, or set AWS_DEFAULT_REGION")
        account = Account(session)
        caller = account.caller()
    where = session.region_name
    looks = account_looks(account, where, session.get_partition_for_region(where), arch=arch, load=load)
    return Preflight(where, caller, (*looks, *model_looks(config.deployments, where, _catalogs(session))))


def _catalogs(session: boto3.Session) -> Callable[[str], BedrockCatalog]:
    """One catalog for each Region, which asks for each list once."""
    known: dict[str, BedrockCatalog] = {}

    def catalog(region: str) -> BedrockCatalog:
        if region not in known:
            known[region] = BedrockCatalog(session.client("bedrock", region_name=region, config=SHORT))
        return known[region]

    return catalog
