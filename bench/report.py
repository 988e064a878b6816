"""The run as a table for the terminal, and as Markdown, a picture and JSON for docs/benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from . import priorities, tails
from .numbers import Row
from .systems import TITLES
from .targets import Run, Verdict

MEASURES = {
    "added_p50_ms": "added latency p50, ms",
    "added_p95_ms": "p95, ms",
    "added_p99_ms": "p99, ms",
    "added_16_p50_ms": "at concurrency 16: added p50, ms",
    "added_16_p95_ms": "p95, ms ",
    "added_16_p99_ms": "p99, ms ",
    "anthropic_p50_ms": "provider is Anthropic: added p50, ms",
    "bedrock_p50_ms": "provider is Bedrock: added p50, ms",
    "messages_p50_ms": "/v1/messages natively: added p50, ms",
    "requests_per_core_second": "requests/s per core",
    "first_token_ms": "added time to first token, ms",
    "chunk_us": "per streamed chunk, us",
    "memory_mb_ready": "memory when ready, MB",
    "memory_mb_after_500": "after 500 requests, MB",
    "memory_mb_after_5000": "after 5,000 requests, MB",
    "ready_s": "start to ready, s",
    "circuit_open_ms": "primary known to be down: added, ms",
    "first_use_ms": "first request to a deployment: added, ms",
    "discovery_ms": "request that discovers it: added, ms",
}
METHOD = (
    "Every system stands in front of the same upstream: a raw socket that sends fixed bytes, on the client's core. "
    "The system under test has the other core to itself, as far as the machine is idle.",
    "Each round asks every system in turn, in changing order; what a direct call takes in that round is subtracted.",
    "Only ratios within one run count, each the median over the rounds. Quartiles that lie far apart, or on both sides "
    "of a target, mean that the machine was too busy to tell.",
    "Kinds of requests that are compared at one system (with its circuit open, in another format) are asked in turn.",
    "Every Python is the one that runs the benchmark. Portkey's Node is a release build, so a fair Python is one, too: "
    "a distribution's. One compiled without its profile-guided optimisation, pyenv's default, is slower by itself.",
    "Requests a second per core are requests by processor time used, so that they do not depend on other load.",
    "LiteLLM's proxy does not start without a master key, so it and the gateway each check a key of the run.",
    "The gateway runs as shipped, with its log, and retries a failing provider once before it falls back, here without "
    "the wait in between; its circuits stay open for the run. LiteLLM's proxy runs with num_retries 0 (its default of "
    "2 would sleep). Portkey falls back by its config header. Neither has a circuit that opens here, so each request "
    "pays for the failing provider.",
    "A provider goes down after it has answered once: what a deployment's first request costs beyond later ones is "
    "shown by itself, and is no part of what its outage costs.",
    "The upstream sends a stream's first token by itself and the rest in one go right behind it, so time to first "
    "token and time per chunk trade off: read them together.",
    "/health is asked without a pause, on the gateway's core, while the gateway is sent bodies made to keep it busy "
    "and the largest that it takes, for three providers' APIs. The time for which Linux says that other programs kept "
    "the two from running is taken off. Milliseconds depend on the machine, so the target is told in ordinary "
    "requests: in the processor time that a short question costs bare acompletion behind FastAPI in the same round.",
    "A direct call has no process of its own; bare acompletion has no fallback.",
)


def show(console: Console, document: Mapping[str, Any], verdicts: list[Verdict]) -> None:
    console.print(_systems_table(document["systems"]))
    for name, why in document["missing"].items():
        console.print(f"[yellow]{TITLES[name]}: missing, it could not be installed:[/yellow] {why}", highlight=False)
    show_targets(console, verdicts)


def show_targets(console: Console, verdicts: list[Verdict]) -> None:
    console.print(_targets_table(verdicts))


def document(
    run: Run, verdicts: list[Verdict], missing: Mapping[str, str], machine: Mapping[str, str], upstream_rps: float
) -> dict[str, Any]:
    """The run as plain JSON."""
    return {
        "machine": dict(machine),
        "method": list(METHOD),
        "upstream_and_client_requests_per_second": round(upstream_rps),
        "missing": dict(missing),
        "systems": {name: {key: round(value, 4) for key, value in row.items()} for name, row in run.rows.items()},
        "package_starts_s": {
            kind: [round(value, 3) for value in values] for kind, values in run.package_starts.items()
        },
        "targets": [
            {
                "what": one.what,
                "at_most": one.at_most,
                "value": None if one.value is None else round(one.value, 3),
                "quartiles": None if one.spread is None else [round(value, 3) for value in one.spread],
            }
            for one in verdicts
        ],
    }


def write(folder: Path, document: Mapping[str, Any], verdicts: list[Verdict]) -> None:
    """results.json, results.png and results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(document, indent=2) + "\n")
    _picture(folder / "results.png", document["systems"])
    (folder / "results.md").write_text(_markdown(document, verdicts))


def write_tails(
    folder: Path, measured: Sequence[tails.Round], verdicts: list[Verdict], machine: Mapping[str, str]
) -> None:
    """tails.md."""
    what, *numbers = tails.HEAD
    lines = ["# Slow answers", "", "Written by `make bench` (`ARGS=--only-tails`).", "", tails.described(measured), ""]
    lines += [*_markdown_table([what, *numbers], tails.lines(measured)), ""]
    rows = [[one.what, f"{one.at_most:g}", _cell(one.value), _spread(one), _word(one)] for one in verdicts]
    lines += [*_markdown_table(["within this run", "at most", "measured", "quartiles", ""], rows), ""]
    lines += [*tails.LIMITS, "", "## Machine", "", *(f"- {name}: {value}" for name, value in machine.items()), ""]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tails.md").write_text("\n".join(lines))


def write_priorities(
    folder: Path, measured: Sequence[priorities.Round], verdict: Verdict, machine: Mapping[str, str]
) -> None:
    """priorities.md."""
    lines = ["# Interactive callers beside batch", "", "Written by `make bench` (`ARGS=--only-priorities`).", ""]
    lines += [priorities.described(measured), ""]
    lines += [*_markdown_table(list(priorities.HEAD), priorities.lines(measured)), ""]
    rows = [[verdict.what, f"{verdict.at_most:g}", _cell(verdict.value), _spread(verdict), _word(verdict)]]
    lines += [*_markdown_table(["within this run", "at most", "measured", "quartiles", ""], rows), ""]
    lines += ["## Machine", "", *(f"- {name}: {value}" for name, value in machine.items()), ""]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "priorities.md").write_text("\n".join(lines))


def _systems_table(systems: Mapping[str, Row]) -> Table:
    table = Table(Column("", no_wrap=True), *(Column(TITLES[name], justify="right") for name in systems))
    for title, *cells in _lines(systems):
        table.add_row(title, *cells)
    return table


def _targets_table(verdicts: list[Verdict]) -> Table:
    table = Table("target", Column("at most", justify="right"), Column("measured", justify="right"), "quartiles", "")
    for one in verdicts:
        colour = "yellow" if one.value is None else "red" if one.missed else "green"
        table.add_row(
            one.what, f"{one.at_most:g}", _cell(one.value), _spread(one), f"[{colour}]{_word(one)}[/{colour}]"
        )
    return table


def _markdown(document: Mapping[str, Any], verdicts: list[Verdict]) -> str:
    systems = document["systems"]
    lines = ["# Benchmark", "", "Written by `make bench`.", "", "![every system side by side](results.png)", ""]
    lines += _markdown_table(["", *(TITLES[name] for name in systems)], _lines(systems))
    lines += [
        "",
        *(f"{TITLES[name]}: missing, it could not be installed ({why})." for name, why in document["missing"].items()),
    ]
    lines += ["## Targets", ""]
    rows = [[one.what, f"{one.at_most:g}", _cell(one.value), _spread(one), _word(one)] for one in verdicts]
    lines += _markdown_table(["within this run", "at most", "measured", "quartiles", ""], rows)
    lines += ["", "## Method", "", *(f"- {sentence}" for sentence in document["method"]), "", "## Machine", ""]
    lines += [f"- {name}: {value}" for name, value in document["machine"].items()]
    rate = document["upstream_and_client_requests_per_second"]
    lines += [f"- upstream and client together, on one core: {rate} requests a second", ""]
    return "\n".join(lines)


def _markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    ruler = "|---|" + "---:|" * (len(head) - 1)
    return [f"| {' | '.join(head)} |", ruler, *(f"| {' | '.join(row)} |" for row in rows)]


def _lines(systems: Mapping[str, Row]) -> list[list[str]]:
    measured = {key: title for key, title in MEASURES.items() if any(key in row for row in systems.values())}
    return [[title, *(_cell(row.get(key)) for row in systems.values())] for key, title in measured.items()]


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _spread(one: Verdict) -> str:
    return "-" if one.spread is None else " - ".join(map(_cell, one.spread))


def _word(one: Verdict) -> str:
    return "not measured" if one.value is None else "missed" if one.missed else "holds"


def _picture(path: Path, systems: Mapping[str, Row]) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only a whole run needs

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    shown = {
        "added_p50_ms": "added latency p50 (ms)",
        "first_token_ms": "added time to first token (ms)",
        "chunk_us": "per streamed chunk (us)",
        "requests_per_core_second": "requests/s per core (more is better)",
        "memory_mb_ready": "memory when ready (MB)",
        "ready_s": "start to ready (s)",
    }
    names = [name for name in systems if name != "direct"]
    figure, axes = plt.subplots(2, 3, figsize=(13, 6))
    for axis, (key, title) in zip(axes.flat, shown.items(), strict=True):
        values = [systems[name].get(key, 0.0) for name in names]
        colours = ["#1f77b4" if name == "gateway" else "#b0b7c3" for name in names]
        bars = axis.barh([TITLES[name] for name in names], values, color=colours)
        axis.bar_label(bars, [_cell(systems[name].get(key)) for name in names], padding=3)
        axis.set_title(title, fontsize=10)
        axis.invert_yaxis()
        axis.margins(x=0.18)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
