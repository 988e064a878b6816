"""The composition root of a deployed stage's own drills: with its role, its keys and its network, inside its function.

Nothing of it is there where the stage has no drill: without `ROUTER_DRILL_SECRET` no event is taken for one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from .api.errors import type_and_place
from .drill import (
    SIMULATOR,
    UNPROVEN_AFTER,
    Limits,
    Order,
    Report,
    SealError,
    check_seals,
    drilled,
    keep,
    unproven,
)
from .drills import dependencies_of
from .routing.callers import Budget
from .routing.errors import ConfigurationError
from .routing.mapping import RouterConfig
from .routing.observe import Measured
from .settings import Settings, lookup

if TYPE_CHECKING:
    from .adapters.dynamodb.drill_reports import TableReports

KEEPING_SECONDS = 4.0
"""Kept of the function's time, to seal and write the report."""

logger = logging.getLogger("litellm_fallback_router")


class StageDrillError(Exception):
    """The drill could not be done, or its report could not be kept. The text names the fix and holds no key."""


async def answer_to(order: Order, config: RouterConfig, settings: Settings, seconds: float) -> dict[str, Any]:
    """Do a drill, and say what came of it, for whoever invoked the function. Raises nothing: it is logged, too.

    Args:
        order: What was asked for.
        config: The mapping in force.
        settings: Of the function, with the drill's secret.
        seconds: The function's time that is left.

    Returns:
        `{"digest": ..., "well": ...}` of the report that was kept, or `{"error": ...}`.
    """
    try:
        report = await drill_of_stage(order, config, settings, seconds)
    except (StageDrillError, ConfigurationError, SealError) as error:
        logger.error("the drill could not be done: %s", error)  # noqa: TRY400 - the text says it all
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - AWS's errors and bugs: the requests after it must be answered
        logger.error("the drill could not be done: %s", type_and_place(error))  # noqa: TRY400 - no text
        return {"error": f"{type(error).__name__}; the function's log says where"}
    return {"digest": report.digest, "well": report.well}


async def drill_of_stage(order: Order, config: RouterConfig, settings: Settings, seconds: float) -> Report:
    """Do a drill, keep its sealed report, and write its metrics. The same arguments as `answer_to`.

    Raises StageDrillError, ConfigurationError, SealError and botocore's errors.
    """
    _check(order, config)
    key, store = await asyncio.to_thread(_kept_where, settings)
    newest = await asyncio.to_thread(store.last)
    budget = min(order.max_usd or settings.drill_max_usd, settings.drill_max_usd)
    limits = Limits(Budget.parse(f"{budget:.9f}"), max(0.0, seconds - KEEPING_SECONDS))
    dependencies = await asyncio.to_thread(dependencies_of, config, settings)
    try:
        report = await drilled(
            config,
            dependencies,
            limits,
            chains=order.chains,
            where=SIMULATOR if settings.simulator_url else settings.service or "",
            former=_trusted(newest, key),
        )
    finally:
        await dependencies.provider.aclose()
    kept = await asyncio.to_thread(keep, report, newest, store, key)
    if kept is None:
        raise StageDrillError("several drills of this stage ended at once: run it again")
    _tell(kept, config, settings)
    return kept


def _check(order: Order, config: RouterConfig) -> None:
    unknown = [name for name in order.chains if name not in config.chains]
    if unknown:
        raise StageDrillError(f"chains: the stage's mapping has no {', '.join(map(repr, unknown))}")


def _kept_where(settings: Settings) -> tuple[bytes, TableReports]:
    """The key of the seal, and the place of the reports. Blocking."""
    from .adapters.dynamodb import drill_reports  # noqa: PLC0415 - AWS's libraries, only where they are used
    from .adapters.secrets_manager import read_secret  # noqa: PLC0415

    if settings.drill_secret is None or settings.state_table is None:
        raise StageDrillError("this stage has no drill: deploy it with -c drill='rate(1 day)'")
    store = drill_reports(settings.state_table, lookup("AWS_REGION") or "")
    return read_secret(settings.drill_secret).encode(), store


def _trusted(newest: Report | None, key: bytes) -> Report | None:
    """The report before, where its seal is right. Else nothing that it says is carried on: this one goes behind it all
    the same, so that `drill --verify` shows the place."""
    try:
        check_seals([] if newest is None else [newest], key)
    except SealError as error:
        logger.error("the last drill's proofs do not count: %s", error)  # noqa: TRY400 - the text says it all
        return None
    return newest


def _tell(report: Report, config: RouterConfig, settings: Settings) -> None:
    from .adapters.cloudwatch import emit  # noqa: PLC0415 - as above

    hours = unproven(config.deployments, report.proofs, time.time())
    due = sorted(name for name, since in hours.items() if since >= UNPROVEN_AFTER)
    verdicts = {(hop.deployment, hop.verdict) for hop in report.hops}
    facts = {
        "digest": report.digest,
        "holds": report.holds,
        "failed": sorted({name for name, verdict in verdicts if verdict == "failed"}),
        "not_asked": sorted({name for name, verdict in verdicts if verdict == "not asked"}),
        "unproven": due,
        "findings": [f"{one.deployment}: {one.subject}" for one in report.findings],
        "cost_usd": report.cost_usd,
        "seconds": report.seconds,
    }
    emit(
        settings.service or "",
        [Measured({"HopsUnproven": len(due), "HoursSinceProven": round(max(hours.values()), 2)})],
    )
    logger.info("drill_finished", extra=facts)
