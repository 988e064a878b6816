"""make bench: measures everything, says so, and exits with 1 where a target is missed or was not measured.

python -m bench [--quick] [--only-hostile | --only-tails | --only-priorities]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import uvloop
from rich.console import Console

from . import hostile, machine, peers, priorities, report, rounds, startup, tails
from .client import BenchError
from .numbers import rows
from .processes import Cores, environment, first_line
from .systems import all_systems
from .targets import HEALTH_GAP, PRIORITY, TAIL, TAIL_COST, Run, Verdict, verdicts

RESULTS = peers.ROOT / "docs" / "benchmarks"
RUNS = peers.BUILD / "run"
Measured = TypeVar("Measured")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the gateway beside its peers.")
    parser.add_argument("--quick", action="store_true", help="for development: few rounds, no memory, writes no files")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--only-hostile", action="store_true", help="only /health beside hostile bodies; writes no files"
    )
    parts.add_argument("--only-tails", action="store_true", help="only what hedging does to slow answers")
    parts.add_argument("--only-priorities", action="store_true", help="only interactive callers beside batch")
    given = parser.parse_args()
    # The processes under test have to end with this one, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 150)
    if sys.platform != "linux" or shutil.which("taskset") is None:
        console.print("The benchmark needs Linux and taskset (util-linux): it pins processes to cores and reads /proc.")
        return 1
    try:
        part = _bench
        for chosen, one in (
            (given.only_hostile, _only_hostile),
            (given.only_tails, _only_tails),
            (given.only_priorities, _only_priorities),
        ):
            part = one if chosen else part
        missed = part(console, quick=given.quick)
    except BenchError as error:
        console.print(f"[red]not measured:[/red] {error}", highlight=False)
        return 1
    return 1 if missed else 0


def _only_hostile(console: Console, *, quick: bool) -> bool:
    RUNS.mkdir(parents=True, exist_ok=True)
    cores = Cores.of_this_machine()
    count = 1 if quick else rounds.FULL.hostile
    with console.status("hostile bodies") as status, upstream(cores) as port:
        measured = hostile.measure(cores, RUNS, port, rounds=count, say=status.update)
    verdict = Verdict(*HEALTH_GAP, [one.longest for one in measured])
    console.print(hostile.table(measured))
    report.show_targets(console, [verdict])
    return verdict.missed


def _only_tails(console: Console, *, quick: bool) -> bool:
    RUNS.mkdir(parents=True, exist_ok=True)
    cores = Cores.of_this_machine()
    facts = machine.describe() | {"load when started": machine.load()}
    os.sched_setaffinity(0, cores.load)
    with console.status("a tail") as status:
        measured = _tails(cores, status.update, quick=quick)
    found = [Verdict(*TAIL, tails.ratios_p99(measured)), Verdict(*TAIL_COST, tails.ratios_cost(measured))]
    console.print(tails.table(measured))
    report.show_targets(console, found)
    if not quick:
        report.write_tails(RESULTS, measured, found, facts | {"load when ended": machine.load()})
    return any(one.missed for one in found)


def _tails(cores: Cores, say: Callable[[str], None], *, quick: bool) -> list[tails.Round]:
    count, streams = (1, tails.QUICK_STREAMS) if quick else (tails.ROUNDS, tails.STREAMS)
    return tails.measure(cores, RUNS, rounds=count, streams=streams, say=say)


def _only_priorities(console: Console, *, quick: bool) -> bool:
    RUNS.mkdir(parents=True, exist_ok=True)
    cores = Cores.of_this_machine()
    facts = machine.describe() | {"load when started": machine.load()}
    os.sched_setaffinity(0, cores.load)
    with console.status("priorities") as status:
        measured = priorities.measure(cores, RUNS, rounds=_rounds_of_priorities(quick=quick), say=status.update)
    verdict = Verdict(*PRIORITY, priorities.ratios(measured))
    console.print(priorities.table(measured))
    report.show_targets(console, [verdict])
    if not quick:
        report.write_priorities(RESULTS, measured, verdict, facts | {"load when ended": machine.load()})
    return verdict.missed


def _rounds_of_priorities(*, quick: bool) -> int:
    return priorities.QUICK_ROUNDS if quick else priorities.ROUNDS


def _bench(console: Console, *, quick: bool) -> bool:
    size = rounds.QUICK if quick else rounds.FULL
    cores = Cores.of_this_machine()
    RUNS.mkdir(parents=True, exist_ok=True)
    facts = machine.describe() | {"load when started": machine.load()}
    for name, value in facts.items():
        console.print(f"{name}: {value}", highlight=False)
    for sentence in report.METHOD:
        console.print(f"- {sentence}", style="dim", highlight=False)
    with console.status("installing peers") as status, upstream(cores) as port:
        systems, missing = all_systems(port, RUNS)
        limit = uvloop.run(rounds.upstream_limit(port))
        console.print(f"upstream and client together, on one core: {limit:.0f} requests/s")
        starts = startup.starts_of_systems(systems, size.starts, cores, RUNS, status.update)
        packages = {} if quick else startup.starts_of_package(size.starts, cores, RUNS, status.update)
        with ExitStack() as stack:
            processes = {
                system.name: stack.enter_context(system.running(cores.system, RUNS))
                for system in systems
                if system.command
            }
            samples = uvloop.run(rounds.measure(systems, processes, size, status.update))
        say = status.update
        batches = _rounds_of_priorities(quick=quick)
        slow = _kept(console, lambda: _tails(cores, say, quick=quick))
        batch = _kept(console, lambda: priorities.measure(cores, RUNS, rounds=batches, say=say))
        beside = _kept(console, lambda: hostile.measure(cores, RUNS, port, rounds=size.hostile, say=say))
    run = Run(samples, rows(samples, starts), packages, slow, batch, [one.longest for one in beside])
    found = verdicts(run)
    document = report.document(run, found, missing, facts | {"load when ended": machine.load()}, limit)
    if beside:
        console.print(hostile.table(beside))
    if slow:
        console.print(tails.table(slow))
    if batch:
        console.print(priorities.table(batch))
    report.show(console, document, found)
    if not quick:
        report.write(RESULTS, document, found)
        if slow:
            report.write_tails(RESULTS, slow, [one for one in found if one.what in (TAIL[0], TAIL_COST[0])], facts)
        if batch:
            (priority,) = [one for one in found if one.what == PRIORITY[0]]
            report.write_priorities(RESULTS, batch, priority, facts)
        console.print(f"written to {RESULTS.relative_to(peers.ROOT)}")
    # A development run leaves some out; a full one that could not measure a target has not shown that it holds.
    whole = bool(slow and batch and beside) and (quick or all(one.value is not None for one in found))
    return not whole or any(one.missed for one in found)


def _kept(console: Console, measure: Callable[[], list[Measured]]) -> list[Measured]:
    """A part's rounds; none where it ended in an error, which is shown: what was measured before it is kept."""
    try:
        return measure()
    except BenchError as error:
        console.print(f"[red]not measured:[/red] {error}", highlight=False)
        return []


@contextmanager
def upstream(cores: Cores) -> Iterator[int]:
    """The upstream's port. From here on this process, the client, shares its core."""
    os.sched_setaffinity(0, cores.load)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.upstream"], stdout=subprocess.PIPE, text=True, cwd=peers.ROOT, env=environment({})
    )
    try:
        port = first_line(process).strip()
        if not port.isdigit():
            raise BenchError("the upstream did not start; what it wrote above says why")
        yield int(port)
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    sys.exit(main())
