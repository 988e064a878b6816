"""Where a request's time goes, in the gateway and in the floor beneath it: writes docs/benchmarks/profile-*.txt.

python -m bench.profiling
"""

from __future__ import annotations

import argparse
import io
import os
import pstats
import signal
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from . import client, peers
from .__main__ import RESULTS, RUNS, upstream
from .processes import Cores
from .systems import FORMATS, System, ours

WHOLE, STREAMS = 1000, 20
SHOWN = 45


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.profiling", description=(__doc__ or "").splitlines()[0]).parse_args()
    cores = Cores.of_this_machine()
    RUNS.mkdir(parents=True, exist_ok=True)
    console = Console()
    with upstream(cores) as port:
        for system in ours(port, RUNS):
            if system.name == FORMATS:
                continue
            for kind, stream, count in (("whole answers", False, WHOLE), ("streams", True, STREAMS)):
                console.print(f"profiling {system.name}: {kind}")
                stats = _profile(system, cores, stream=stream, count=count)
                _write(RESULTS / f"profile-{system.name}-{kind.split()[-1]}.txt", stats, system.name, kind, count)


def _profile(system: System, cores: Cores, *, stream: bool, count: int) -> Path:
    output = RUNS / "profile.stats"
    # One left from before would pass for this system's.
    output.unlink(missing_ok=True)
    interpreter, _, *module = system.command
    profiled = replace(system, command=(interpreter, "-m", "bench.profiled", str(output), *module))
    profiled.environment["PYTHONPATH"] = str(peers.ROOT)
    questions = [system.question(stream=stream)]
    with profiled.running(cores.system, RUNS) as process:
        uvloop.run(client.one_by_one(system.port, questions * 10))
        os.kill(process.pid, signal.SIGUSR1)
        uvloop.run(client.one_by_one(system.port, questions * count))
    if not output.exists():
        raise client.BenchError(f"{system.name} ended without writing its profile")
    return output


def _write(path: Path, stats: Path, name: str, kind: str, count: int) -> None:
    text = io.StringIO()
    found = pstats.Stats(str(stats), stream=text).strip_dirs()
    for order in ("tottime", "cumulative"):
        found.sort_stats(order).print_stats(SHOWN)
    head = f"{name}: {count} {kind}, one after the other, under cProfile, which slows calls down: compare shares.\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each table begins with the path of `stats`, which is this machine's.
    lines = [line for line in text.getvalue().splitlines() if not line.endswith(str(stats))]
    path.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
