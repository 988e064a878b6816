"""`fallback-router smoke`: wires the checks, and lends them a key that is revoked whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from ... import bootstrap
from ...checklist import Check, performed, well
from ...operation_errors import OperationError
from ...routing.callers import CallerKey
from ...routing.mapping import RouterConfig
from ..checks_table import Shown, progress, show
from ..command_context import command_context
from ..deployed import deployed
from ..formatting import console, listed, warn_of
from ..interrupts import held_signals
from .asking import SECONDS, Answers, Asking
from .stage_checks import alarm_look, metrics_look, table_look
from .verdicts import deployment_checks, door_fix, streaming_check

if TYPE_CHECKING:
    from ...adapters.gateway_client import GatewayClient, Reply
    from ...local_keys import ListedKey
    from ...operations import DeployedGateway

KEY_SECONDS = 1800
"""After which the key stops working by itself, if this command is ended in a way that lets it do nothing."""
KEY_WORKS_SECONDS = 60.0
"""A new key takes some seconds to reach API Gateway."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Lease:
    """A key for the length of this command."""

    key: str
    listed: ListedKey
    kept: str = ""
    """Why it could not be revoked; empty: it is, or will be."""

    @property
    def id(self) -> str:
        return self.listed.entry.key.id


@dataclass(frozen=True)
class Options:
    stack: str | None
    region: str | None
    plan: str | None
    url: str | None
    wait: float
    """Seconds for the metrics."""


def smoke(config_file: Path | None, options: Options, *, as_json: bool) -> bool:
    """Print what was found; True if nothing failed. Raises ConfigurationError."""
    _check_address(options.url)
    with command_context(config_file, simulate=False) as settings:
        config = bootstrap.load(settings)
    warn_of(config)
    with deployed(options.stack, options.region) as gateway, progress() as shown:
        checks = list(_checks(gateway, config, options, shown))
    title = f"{gateway.name} at {options.url or gateway.stack.url}"
    show(title, checks, as_json=as_json, stack=gateway.name, url=options.url or gateway.stack.url)
    if not as_json:
        failed = sum(check.status == "failed" for check in checks)
        words = f"{failed} of {len(checks)} checks failed." if failed else "The stage answers as it should."
        console().print(words, style="bold red" if failed else "green")
    return well(checks)


def _checks(gateway: DeployedGateway, config: RouterConfig, options: Options, shown: Shown) -> Iterator[Check]:
    since = time.time()
    shown.say("making a key")
    with _lease(gateway, options.plan) as lease:
        checks, answers = asyncio.run(_asked(gateway, config, options.url, lease.key, shown))
    yield _key_check(lease)
    yield from checks
    looks = [table_look(gateway, [deployment.id for deployment in config.deployments]), alarm_look(gateway.monitoring)]
    if answers is not None and answers.requests:
        looks.append(metrics_look(gateway.monitoring, answers.requests, since, options.wait, shown.say))
    yield from performed(looks, shown.announce)


@contextmanager
def _lease(gateway: DeployedGateway, plan: str | None) -> Iterator[Lease]:
    from ...deployed_keys import DeployedKeys  # noqa: PLC0415 - AWS's libraries, only when needed

    keys = DeployedKeys(gateway)
    plan = plan or keys.widest_plan()
    with held_signals() as released:
        lease = Lease(*keys.create(CallerKey(""), plan, int(time.time()) + KEY_SECONDS))
        try:
            with released():
                yield lease
        finally:
            try:
                keys.revoke(lease.listed)
            except OperationError as error:
                lease.kept = str(error)
                typer.echo(f"error: key {lease.id} could not be revoked: {error}", err=True)


def _key_check(lease: Lease) -> Check:
    seen = f"{lease.id} on plan {lease.listed.plan}"
    if not lease.kept:
        return Check("a key of its own", "ok", f"{seen}; revoked")
    fix = f"`fallback-router keys revoke {lease.id}`; it stops working by itself after {KEY_SECONDS // 60} minutes"
    return Check("a key of its own", "failed", f"{seen} could not be revoked: {lease.kept}", fix)


async def _asked(
    gateway: DeployedGateway, config: RouterConfig, url: str | None, key: str, shown: Shown
) -> tuple[list[Check], Answers | None]:
    """The lines about the entrance and all behind it; no Answers where it refuses the new key."""
    async with gateway.client(url, key, 1.5 * SECONDS) as client:
        opened = await _opened(client, shown)
        checks = [_door_check(opened), await _closed_check(client)]
        if opened.problem:
            return checks, None
        checks.append(_mapping_check(opened, config))
        chats = [deployment for deployment in config.deployments if deployment.space is None]
        answers = await Asking(client, shown.say).all(chats)
    checks += deployment_checks(chats, answers)
    checks.append(streaming_check(answers, streams=gateway.stack.streams))
    return checks, answers


async def _opened(client: GatewayClient, shown: Shown) -> Reply:
    """The first reply after API Gateway accepts the key, or after a minute."""
    begun = time.monotonic()
    while True:
        reply = await client.models()
        waited = time.monotonic() - begun
        if reply.status not in {401, 503} or waited > KEY_WORKS_SECONDS:
            return reply
        shown.say(f"waiting for the key to be known: {waited:.0f} of {KEY_WORKS_SECONDS:g} s")
        await asyncio.sleep(1.0)


def _door_check(opened: Reply) -> Check:
    if opened.problem:
        return Check("the door", "failed", opened.problem, door_fix(opened))
    return Check("the door", "ok", "knows the key and lists its models")


async def _closed_check(client: GatewayClient) -> Check:
    name, reply = "the door, without a key", await client.models(with_key=False)
    if reply.status == 401:
        return Check(name, "ok", "refused: 401")
    if reply.status == 200:
        return Check(name, "failed", "answered: everybody may ask", "deploy it again; look for a change made by hand")
    return Check(name, "warning", f"not answered, but not as expected: {reply.problem}", door_fix(reply))


def _mapping_check(opened: Reply, config: RouterConfig) -> Check:
    name = "the mapping"
    theirs, ours = {str(one["id"]) for one in opened.body.get("data", [])}, set(config.chains)
    if theirs == ours:
        return Check(name, "ok", f"{len(ours)} models and strategies, as here")
    differences = [
        f"only {where}: {listed(sorted(names))}"
        for where, names in (("there", theirs - ours), ("here", ours - theirs))
        if names
    ]
    return Check(
        name, "failed", "; ".join(differences), "give the mapping that is deployed (--config), or deploy this one"
    )


def _check_address(url: str | None) -> None:
    """A key must not travel in the clear."""
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise typer.BadParameter("must begin with https://, as a key is sent there", param_hint="--url")
