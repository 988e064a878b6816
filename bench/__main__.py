"""make bench: measures everything, says so, and exits with 1 where a target is missed or was not measured.

python -m bench [--quick] [--only-hostile | --only-tails]
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

import uvloop
from rich.console import Console

from . import hostile, machine, peers, report, rounds, startup, tails
from .client import BenchError
from .numbers import rows
from .processes import Cores, environment, first_line
from .systems import all_systems
from .targets import HEALTH_GAP, TAIL, TAIL_COST, Run, Verdict, verdicts

RESULTS = peers.ROOT / "docs" / "benchmarks"
RUNS = peers.BUILD / "run"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the gateway beside its peers.")
    parser.add_argument("--quick", action="store_true", help="for development: few rounds, no memory, writes no files")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--only-hostile", action="store_true", help="only /health beside hostile bodies; writes no files"
    )
    parts.add_argument("--only-tails", action="store_true", help="only what hedging does to slow answers")
    given = parser.parse_args()
    # The processes under test have to end with this one, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 150)
    if sys.platform != "linux" or shutil.which("taskset") is None:
        console.print("The benchmark needs Linux and taskset (util-linux): it pins processes to cores and reads /proc.")
        return 1
    try:
        part = _only_hostile if given.only_hostile else _only_tails if given.only_tails else _bench
        missed = part(console, quick=given.quick)
    except BenchError as error:
        console.print(f"[red]not measured:[/red] {error}", highlight=False)
        return 1
    return 1 if missed else 0


def _only_hostile(console: Console, *, quick: bool) -> bool:
    RUNS.mkdir(parents=True, exist_ok=True)
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.load)
    with console.status("hostile bodies") as status:
        measured = hostile.measure(cores, RUNS, rounds=1 if quick else rounds.FULL.hostile, say=status.update)
    verdict = Verdict(*HEALTH_GAP, hostile.longest_gaps(measured))
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
        slow = _tails(cores, status.update, quick=quick)
        beside = hostile.measure(cores, RUNS, rounds=size.hostile, say=status.update)
    run = Run(samples, rows(samples, starts), packages, slow, hostile.longest_gaps(beside))
    found = verdicts(run)
    document = report.document(run, found, missing, facts | {"load when ended": machine.load()}, limit)
    console.print(hostile.table(beside))
    console.print(tails.table(slow))
    report.show(console, document, found)
    if not quick:
        report.write(RESULTS, document, found)
        report.write_tails(RESULTS, slow, [one for one in found if one.what in (TAIL[0], TAIL_COST[0])], facts)
        console.print(f"written to {RESULTS.relative_to(peers.ROOT)}")
    # A development run leaves some out; a full one that could not measure a target has not shown that it holds.
    return any(one.missed or (one.value is None and not quick) for one in found)


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
