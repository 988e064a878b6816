"""The demo on simulated providers: break them, ask, watch the chain."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack

from openai import OpenAI
from rich.console import Console
from rich.table import Table

from litellm_fallback_router.commands.formatting import attempt_lines
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.demo.questions import Outcome, ask, client_of
from local.demo.scenarios import CAPITAL, SCENARIOS, Scenario
from local.gateway import gateway_process
from local.simulator import SimulatorControl, simulator_process


def run(console: Console, *, watch: bool = False) -> int:
    """Exit code: 0 if every scenario ended as it should, else 1. `watch`: waits for Enter before and after."""
    with ExitStack() as running:
        with console.status("starting the simulator and the gateway"):
            simulator = running.enter_context(simulator_process())
            gateway_url = running.enter_context(gateway_process(simulator_url=simulator.url))
            client = running.enter_context(client_of(gateway_url))
        console.print(f"gateway {gateway_url}, shipped models and settings; simulated providers {simulator.url}")
        if watch:
            console.input(f"Open {gateway_url}/console in a browser, then press Enter here: ")
        began = time.monotonic()
        outcomes = list(_outcomes(client, simulator, console))
        seconds = time.monotonic() - began
        if watch:
            console.input("Look at what happened; Enter ends the gateway: ")
    console.print(_table(outcomes))
    wrong = [(scenario.title, why) for scenario, outcome in outcomes if (why := scenario.wrong(outcome))]
    for title, why in wrong:
        console.print(f"NOT as it should be: {title}: {why}", style="bold red", soft_wrap=True)
    if not wrong:
        console.print(f"All {len(outcomes)} scenarios ended as they should, in {seconds:.0f} s.")
    return 1 if wrong else 0


def _outcomes(client: OpenAI, simulator: SimulatorControl, console: Console) -> Iterable[tuple[Scenario, Outcome]]:
    _recover(client, [entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"]])
    for scenario in SCENARIOS:
        with console.status(scenario.title):
            for fault, target in scenario.faults:
                simulator.inject(fault, **target)
            outcome = scenario.question(client)
            simulator.reset()
            _recover(client, [attempt["deployment"] for attempt in outcome.attempts])
        mark = "not as it should be" if scenario.wrong(outcome) else "ok"
        console.print(f"{mark}: {scenario.title} ({outcome.seconds:.2f} s)")
        yield scenario, outcome


def _recover(client: OpenAI, deployments: Iterable[str]) -> None:
    """The providers are back: each answers once, directly, so that the gateway has nothing against any of them and
    no scenario leans on the one before. Raises RuntimeError where one does not answer."""
    for deployment in dict.fromkeys(deployments):
        outcome = ask(client, deployment, CAPITAL, constraints={"fallback": False})
        if outcome.error:
            raise RuntimeError(f"{deployment} does not answer though nothing is wrong with it: {outcome.error}")


def _table(outcomes: Iterable[tuple[Scenario, Outcome]]) -> Table:
    table = Table(title="The fallback chain at work", title_justify="left", show_lines=True, caption_justify="left")
    table.caption = "Seconds as the client saw them. Every provider had answered once before, so no first-call imports."
    table.add_column("scenario")
    table.add_column("who answered", overflow="fold")
    table.add_column("attempts and why each failed", overflow="fold")
    table.add_column("seconds", justify="right")
    for scenario, outcome in outcomes:
        who = outcome.answered_by if not outcome.error else f"nobody: {outcome.error.partition(':')[0]}"
        attempts = "\n".join(attempt_lines(outcome.attempts))
        style = "red" if scenario.wrong(outcome) else None
        table.add_row(scenario.title, who, attempts, f"{outcome.seconds:.2f}", style=style)
    return table
