"""`fallback-router chains --price`: what each hop costs, how fast it was, and what a chain loses there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.table import Table

from .. import bootstrap, drills
from ..drill import Report, SealError, last_proven
from ..routing.errors import ConfigurationError
from ..routing.ledger import Usage
from ..routing.mapping import RouterConfig
from ..routing.prices import usd_of
from ..routing.types import Deployment, ModelInfo
from ..settings import Settings
from . import deployed_drill
from .command_context import command_context
from .deployed import Place
from .formatting import console, warn, warn_of

CAPABILITIES = {
    "tools": "tools",
    "images": "images",
    "json_schema": "JSON schema",
    "reasoning": "reasoning",
    "prompt_caching": "caching",
    "prefill": "prefill",
}
"""Field of ModelInfo -> how it is called."""
REQUEST = Usage(prompt_tokens=1_000, completion_tokens=300)
"""The request that a row prices."""

LEGEND = (
    f"USD: for 1,000 requests of {REQUEST.prompt_tokens:,} prompt and {REQUEST.completion_tokens} completion tokens; "
    "times: that, as a multiple of the first hop's; seconds: of the last drill, whole / first token; lost cache: USD "
    "that a million prompt tokens cost more than in the first hop's cache."
)


@dataclass(frozen=True)
class PricedHop:
    """One hop of a chain, next to the chain's first."""

    deployment: str
    place: int
    usd_per_1000_requests: float | None
    """Each like `REQUEST`; None: a price is unknown."""
    times_the_first: float | None
    """That, as a multiple of the chain's first hop."""
    whole_seconds: float | None
    """Of the last drill's whole answer; None: there is none."""
    first_token_seconds: float | None
    lost: tuple[str, ...]
    """What the first hop can do and this one cannot, or is not known to."""
    window_lost: int | None
    """Prompt tokens by which its window is smaller than the first hop's."""
    cache_lost_usd_per_million: float | None
    """What a million prompt tokens cost more here, uncached, than read from the first hop's cache; 0: no more; None:
    unknown, or the first hop has no cache."""
    last_proven: str


def prices(
    chain: str | None, config_file: Path | None, place: Place | None = None, *, now: float, as_json: bool
) -> None:
    """Print a table for one chain, or for all. `place`: the stage whose drills count; None: this machine's do. `now`:
    Unix seconds. Raises ConfigurationError."""
    with command_context(config_file, simulate=False) as settings:
        config = bootstrap.load(settings)
        report = newest_report(settings, place)
    warn_of(config)
    names = [config.resolve(chain)] if chain else list(config.chains)
    chains = {name: _priced(config, name, report, now) for name in names}
    if as_json:
        found = {name: [asdict(hop) for hop in hops] for name, hops in chains.items()}
        tokens = {"prompt_tokens": REQUEST.prompt_tokens, "completion_tokens": REQUEST.completion_tokens}
        typer.echo(json.dumps({**tokens, "chains": found}, indent=2))
        return
    for name, hops in chains.items():
        console().print(_table(name, hops))
    console().print(LEGEND)


def newest_report(settings: Settings, place: Place | None) -> Report | None:
    """The last drill's report of that stage, or on this machine; None where there is none, or its answers were a
    simulator's and these would not be. A warning and None where it is not as it was sealed."""
    if place is not None:
        return deployed_drill.newest_report(place)
    try:
        report = drills.reports_in(settings.drill_folder).last()
    except (SealError, OSError, ConfigurationError) as error:
        warn(f"the last drill's report is not used: {error}")
        return None
    return report if report is not None and report.simulated == (settings.simulator_url is not None) else None


def proven_hours(config: RouterConfig, report: Report | None, now: float) -> dict[str, float | None]:
    """Hours since each deployment was last proven; None: never as the mapping names it now."""
    proofs = {} if report is None else report.proofs
    found: dict[str, float | None] = {}
    for one in config.deployments:
        proof = proofs.get(one.id)
        found[one.id] = round(proof.hours(now), 2) if proof is not None and proof.of(one) else None
    return found


def _priced(config: RouterConfig, name: str, report: Report | None, now: float) -> list[PricedHop]:
    chain = config.chain(name)
    times = _times(report)
    first = chain[0]
    usual = usd_of(first.info, REQUEST)
    hops = []
    for place, one in enumerate(chain, start=1):
        usd = usd_of(one.info, REQUEST)
        whole, first_token = times.get(one.id, (None, None))
        hops.append(
            PricedHop(
                deployment=one.id,
                place=place,
                usd_per_1000_requests=None if usd is None else round(usd * 1000, 4),
                times_the_first=round(usd / usual, 2) if usd is not None and usual else None,
                whole_seconds=whole,
                first_token_seconds=first_token,
                lost=tuple(_lost(first.info, one.info)),
                window_lost=_window_lost(first.info, one.info),
                cache_lost_usd_per_million=_cache_lost(first, one),
                last_proven=last_proven(one, {} if report is None else report.proofs, now),
            )
        )
    return hops


def _times(report: Report | None) -> Mapping[str, tuple[float | None, float | None]]:
    """Of the last drill: seconds to a whole answer, and to a stream's first token, by deployment."""
    times: dict[str, tuple[float | None, float | None]] = {}
    for hop in () if report is None else report.hops:
        proven = {one.way: one for one in hop.answers if one.status == "proven"}
        whole, streamed = proven.get("whole"), proven.get("streamed")
        if whole or streamed:
            seconds = whole.seconds if whole else None
            times[hop.deployment] = (seconds, streamed.first_token_seconds if streamed else None)
    return times


def _lost(first: ModelInfo, here: ModelInfo) -> Iterable[str]:
    return (words for name, words in CAPABILITIES.items() if getattr(first, name) and not getattr(here, name))


def _window_lost(first: ModelInfo, here: ModelInfo) -> int | None:
    if first.max_input_tokens is None or here.max_input_tokens is None:
        return None
    return max(0, first.max_input_tokens - here.max_input_tokens)


def _cache_lost(first: Deployment, here: Deployment) -> float | None:
    cached, uncached = first.info.cached_usd_per_token, here.info.input_usd_per_token
    if here is first or cached is None or uncached is None:
        return None
    return max(0.0, round((uncached - cached) * 1e6, 6))


def _table(name: str, hops: list[PricedHop]) -> Table:
    table = Table(title=name, title_justify="left")
    table.add_column("hop", overflow="fold")
    for heading in ("USD", "times", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("cannot, unlike the first", overflow="fold")
    table.add_column("lost cache", justify="right", no_wrap=True)
    table.add_column("last proven", no_wrap=True)
    for hop in hops:
        window = [f"{hop.window_lost:,} tokens of window"] if hop.window_lost else []
        table.add_row(
            f"{hop.place}. {hop.deployment}",
            "" if hop.usd_per_1000_requests is None else f"{hop.usd_per_1000_requests:.2f}",
            "" if hop.times_the_first is None else f"{hop.times_the_first:g}",
            " / ".join("-" if one is None else f"{one:.2f}" for one in (hop.whole_seconds, hop.first_token_seconds)),
            ", ".join([*hop.lost, *window]),
            "" if hop.cache_lost_usd_per_million is None else f"{hop.cache_lost_usd_per_million:.2f}",
            hop.last_proven,
        )
    return table
