"""The demo on the real providers: each that has a key is asked once, through the same gateway."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.table import Table

from litellm_fallback_router import build_router
from litellm_fallback_router.commands.deployments import keyless
from litellm_fallback_router.commands.formatting import dollars
from local.demo.questions import Outcome, ask, client_of
from local.demo.scenarios import CAPITAL
from local.gateway import gateway_process


def run(console: Console) -> int:
    """Exit code: 0 if each answered, 1 if one failed, 2 if there is no key. Raises ConfigurationError."""
    router = build_router()
    reasons = asyncio.run(keyless(router))
    chats = [deployment for deployment in router.config.deployments if deployment.space is None]
    models = list(dict.fromkeys(d.model_name for d in chats if d.id not in reasons))
    for reason in dict.fromkeys(reasons.values()):
        deployments = ", ".join(deployment for deployment, why in reasons.items() if why == reason)
        console.print(f"not asked: {deployments}: {reason}", soft_wrap=True)
    if not models:
        console.print("No provider has a key. Set one as said above, or run the demo without: --providers simulated")
        return 2
    outcomes: dict[str, Outcome] = {}
    with console.status("starting the gateway") as status, gateway_process() as gateway_url:
        client = client_of(gateway_url).with_options(max_retries=0)
        with client:
            for model in models:
                status.update(f"asking {model}")
                outcomes[model] = ask(client, model, CAPITAL, constraints={"fallback": False})
    console.print(_table(outcomes))
    failed = [model for model, outcome in outcomes.items() if outcome.error]
    for model in failed:
        console.print(f"{model}: {outcomes[model].error}", style="red", soft_wrap=True)
    if failed:
        console.print("`fallback-router doctor` says how to mend each.")
    return 1 if failed else 0


def _table(outcomes: dict[str, Outcome]) -> Table:
    table = Table(title=CAPITAL, title_justify="left")
    table.add_column("model", overflow="fold")
    table.add_column("who answered", overflow="fold")
    table.add_column("what", overflow="fold")
    table.add_column("seconds", justify="right")
    table.add_column("cost", justify="right")
    for model, outcome in outcomes.items():
        who = outcome.answered_by if not outcome.error else "nobody"
        cost = "" if outcome.error else dollars(outcome.report.get("cost_usd"))
        table.add_row(model, who, outcome.text.strip(), f"{outcome.seconds:.2f}", cost)
    return table
