"""docs/benchmarks/cold-start.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from . import machine
from .cold_trees import COMPILED, NAIVE, PRIMED, Stage

if TYPE_CHECKING:
    from .cold_start import Start

LIMIT_MB = 250
"""Unpacked, layers included. Source: Lambda developer guide, quotas."""
LISTED = 14

HEAD = """# Cold start

Written by `python -m bench.cold_start`. Each stage adds one step to the one above it.

"""

METHOD = """
*init*: the emulator's `INIT REPORT`, from starting Python until the function asks for its first event; LiteLLM is
imported in it. *first answer*: the first invocation, a question that the simulated provider answers at once.
*processor time*: of both together; other work on the machine hardly moves it. The ratio is of processor times within
a round, the median over the rounds.

- **as installed**: the locked wheels and our code, source only. /var/task cannot be written to, so that every cold
  start compiles some 2,000 modules.
- **with bytecode**: the same, compiled.
- **pruned, bytecode only**: without what a Lambda never loads (`infra/pruning.py`), and without the dependencies'
  sources.
- **lazy packages**: OpenAI's packages that only re-export import a name when it is asked for
  (`infra/lazy_packages.py`): 450 modules fewer.
- **collector rests**: no garbage collection while LiteLLM is imported and primed
  (`litellm_fallback_router/collector.py`). This is the package that is deployed.
- **primed**: it, and the hook before a snapshot run within its init: one question for each model, to a closed port.

## Method

Lambda's runtime interface client (`awslambdaric`) starts the function under Lambda's Runtime Interface Emulator, from
a tree without the right to write, with nothing else installed; Python writes no bytecode. The stages take turns in
every round, the first round is not counted, and the figures are medians. Function and client have a core each, as far
as the machine is idle. Only ratios count elsewhere: Lambda gives a function a share of a processor by its memory
([memory.md](memory.md)).

**SnapStart itself is not measured**: it cannot be outside of AWS. With it a caller pays neither init nor priming,
which happen once, when a version is published, but the thawing of the snapshot (Lambda's) and the hook after it
(ours, milliseconds: [memory.md](memory.md)). What priming buys shows in the first answer.

In a container on a developer's machine, through the SAM command line, the first request and a warm one take what
[Try it with SAM](../sam.md#how-long-it-takes) says.
"""


def page(
    made: Sequence[Stage], starts: Mapping[str, list[Start]], imports: Sequence[tuple[float, float]], profile: str
) -> str:
    """The whole page. `imports`: seconds and processor seconds of `import litellm` alone; `profile`: what
    `-X importtime` said of the package's start."""
    rows = [
        "| package | unzipped MB | zipped MB | init, s | first answer, ms | processor time, s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for stage in made:
        mine = starts[stage.name]
        ratio = _ratio((one.cpu for one in mine), (one.cpu for one in starts[NAIVE]))
        over = " (over Lambda's 250)" if stage.unpacked_mb > LIMIT_MB else ""
        rows.append(
            f"| {stage.name} | {stage.unpacked_mb:.0f}{over} | {stage.zipped_mb:.0f} "
            f"| {median(one.init for one in mine):.2f} | {median(one.first for one in mine) * 1000:.0f} "
            f"| {median(one.cpu for one in mine):.2f} | {ratio:.2f} |"
        )
    return "\n".join(
        [HEAD + "\n".join(rows), "", _reference(starts, imports), METHOD, _imports(profile), _machine(starts)]
    )


def _reference(starts: Mapping[str, list[Start]], imports: Sequence[tuple[float, float]]) -> str:
    wall = _ratio((one.init for one in starts[PRIMED]), (wall for wall, _ in imports))
    cpu = _ratio((one.cpu for one in starts[PRIMED]), (cpu for _, cpu in imports))
    alone, alone_cpu = (median(seconds) for seconds in zip(*imports, strict=True))
    return (
        f"`import litellm` alone, in the package *{COMPILED}*, takes {alone:.2f} s in the same rounds\n"
        f"({alone_cpu:.2f} s of processor time). Init with priming is **{wall:.2f}**\n"
        f"times that; in processor time, with the first answer and the runtime client, {cpu:.2f} times."
    )


def _ratio(one: Iterable[float], other: Iterable[float]) -> float:
    return median(a / b for a, b in zip(one, other, strict=True))


def _imports(profile: str) -> str:
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", profile)
    own = [(int(microseconds) / 1000, module) for microseconds, module in lines]
    spent_in: dict[str, list[float]] = {}
    for milliseconds, module in own:
        spent_in.setdefault(module.partition(".")[0], []).append(milliseconds)
    heaviest = sorted(spent_in.items(), key=lambda item: -sum(item[1]))[:LISTED]
    packages = [f"| {name} | {len(times)} | {sum(times):.0f} |" for name, times in heaviest]
    modules = [f"| {module} | {spent:.0f} |" for spent, module in sorted(own, reverse=True)[:LISTED]]
    return "\n".join(
        [
            "## Where the rest goes",
            "",
            f"`-X importtime` of the package's start: {len(own)} modules, {sum(ms for ms, _ in own) / 1000:.2f} s",
            "(the profile itself slows it). By package, each without what it imports:",
            "",
            *("| package | modules | ms |", "|---|---:|---:|", *packages),
            "",
            "By module:",
            "",
            *("| module | ms |", "|---|---:|", *modules),
        ]
    )


def _machine(starts: Mapping[str, list[Start]]) -> str:
    facts = machine.describe()
    kept = {name: facts[name] for name in ("processor", "memory", "system")}
    kept |= {"rounds": str(len(starts[NAIVE])), "load when ended": machine.load()}
    return "\n".join(["", "## Machine", "", *(f"- {name}: {value}" for name, value in kept.items()), ""])
