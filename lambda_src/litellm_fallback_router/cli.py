"""`fallback-router`: the gateway, the chain and its health from a terminal.

Only the wiring is here. Each command lives in `commands` and is imported when it is called, so that `--help` is quick.
Exit codes: 0 well, 1 failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from .commands import caller_keys, circuits, extras, mapping, secrets, stage_commands
from .commands.deployed import Region, StackOrHere, place_of
from .commands.options import FAILED, WRONG, Config, Json, Simulate
from .routing.errors import ConfigurationError, InvalidRequestError, RouterError

app = typer.Typer(
    name="fallback-router",
    help="An LLM gateway that always answers: it goes along a fallback chain (OpenAI, Anthropic, Bedrock) and says who "
    "answered, why, how fast and for how much.\n\n"
    "Try it without any key: fallback-router ask 'What is the capital of France?' --simulate",
    epilog="Keys: OPENAI_API_KEY, ANTHROPIC_API_KEY, and AWS credentials or AWS_BEARER_TOKEN_BEDROCK. "
    "ROUTER_CONFIG names a mapping file that replaces the shipped models and chains. "
    "Exit codes: 0 well, 1 failed, 2 wrong usage or configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .api.health import package_version  # noqa: PLC0415 - see the module's docstring

        typer.echo(f"fallback-router {package_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What stands before a command."""


@app.command()
def serve(
    config: Config = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 4000,
    drain: Annotated[
        float, typer.Option(min=0, max=900, help="Seconds for answers under way when it is stopped (SIGTERM).")
    ] = 6.0,
    simulate: Simulate = False,
) -> None:
    """Run the gateway: an OpenAI-compatible endpoint at /v1.

    Any OpenAI client works with it once its base URL is changed. GATEWAY_API_KEYS=key1,key2 makes it ask for a key;
    ROUTER_LOG_LEVEL sets how much it logs (JSON lines on stderr).
    """
    # httpx's own command, which it imports with Rich and Pygments where these are installed: 5 MB.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # not to be found: Python's documented way
    from .commands import serve as command  # noqa: PLC0415 - see the module's docstring

    command.serve(config, host, port, simulate=simulate, drain=drain)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What to ask; - reads it from standard input.")],
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A model or strategy of the mapping; its first model if left out."),
    ] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", help="A system prompt.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="0 is the most predictable.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for the whole chain.")] = None,
    config: Config = None,
    simulate: Simulate = False,
) -> None:
    """Ask once. The answer goes to stdout; who answered, the attempts, seconds and cost to stderr."""
    from .commands import ask as command  # noqa: PLC0415 - see the module's docstring

    asked = command.Question(question, model, system, temperature=temperature, max_tokens=max_tokens, timeout=timeout)
    command.ask(asked, config, stream=stream, simulate=simulate)


@app.command()
def chains(
    *,
    explain: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="The plan for a model or strategy: who is asked, who not, and why."),
    ] = None,
    geography: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Warn of what takes prompts out of eu, us ... or a Region. Default: the AWS Region's."
        ),
    ] = None,
    price: Annotated[
        bool, typer.Option("--price", help="Of each hop: price, seconds, and what is lost there beside the first.")
    ] = False,
    model: Annotated[str | None, typer.Option("--model", "-m", help="With --price, this model's chain alone.")] = None,
    config: Config = None,
    stack: StackOrHere = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show the models, the strategies, the chain behind each, where prompts may be processed, and what is proven."""
    from .commands import chain_prices  # noqa: PLC0415 - see the module's docstring
    from .commands import chains as command  # noqa: PLC0415

    if price and explain is not None:
        raise typer.BadParameter("choose one: --explain MODEL, or --price", param_hint="--price")
    if model is not None and not price:
        raise typer.BadParameter("stands beside --price; --explain takes the model itself", param_hint="--model")
    if price:
        chain_prices.prices(model, config, place_of(stack, region), now=time.time(), as_json=as_json)
    elif explain is None:
        command.overview(config, geography, place_of(stack, region), as_json=as_json)
    else:
        command.explain(explain, config, as_json=as_json)


@app.command()
def doctor(config: Config = None, simulate: Simulate = False, as_json: Json = False) -> None:
    """Ask every deployment one tiny question and say what is wrong and how to mend it.

    Costs a fraction of a cent. Exits with 1 if a chain has no healthy member.
    """
    from .commands import doctor as command  # noqa: PLC0415 - see the module's docstring

    if not command.doctor(config, simulate=simulate, as_json=as_json):
        raise typer.Exit(FAILED)


@app.command()
def drill(
    *,
    config: Config = None,
    chain: Annotated[list[str] | None, typer.Option(help="Only this chain; may be given more than once.")] = None,
    max_usd: Annotated[
        float | None,
        typer.Option(min=0.000001, max=100, help="What it may cost, in US dollars; 0.25, or what the stage allows."),
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder of the reports; ROUTER_DRILLS if left out.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check the seals of the reports that are kept.")
    ] = False,
    stack: StackOrHere = None,
    region: Region = None,
    simulate: Simulate = False,
    as_json: Json = False,
) -> None:
    """Prove every chain before the night: take out each hop in turn, and see whether the rest answers.

    Each hop is asked a known question whole and streamed, and with a tool to call, while everything before it is out.
    Finds refused keys, used-up quotas, missing permissions, models that are gone or retire within 90 days, and prices
    that changed since the last report. The report is sealed and kept; `chains` then says when each hop was proven.

    Before each request its dearest answer is reserved, so that it never costs more than --max-usd; the shipped chains
    cost a few cents. Exits with 1 if a hop was not proven.

    With --stack a deployed gateway drills itself now, with its own role, keys and network, and keeps the report there;
    it must have been deployed with -c drill="rate(1 day)".
    """
    from .commands import deployed_drill  # noqa: PLC0415 - see the module's docstring
    from .commands import drill as command  # noqa: PLC0415

    place = place_of(stack, region)
    if place is not None and (simulate or reports is not None):
        raise typer.BadParameter("stands alone: the stage keeps its own reports", param_hint="--stack")
    options = command.Options(tuple(chain or ()), max_usd, reports)
    if verify:
        well = command.verify(config, reports) if place is None else deployed_drill.verify(place)
    elif place is not None:
        well = deployed_drill.drill(config, options, place, as_json=as_json)
    else:
        well = command.drill(config, options, simulate=simulate, as_json=as_json)
    if not well:
        raise typer.Exit(FAILED)


@app.command()
def replay(
    log: Annotated[str, typer.Argument(help="The gateway's log, or CloudWatch's export of it; - reads stdin.")],
    *,
    config: Config = None,
    other: Annotated[
        Path | None, typer.Option("--with", exists=True, dir_okay=False, help="The mapping that might have been.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the comparison there, as SVG.")] = None,
    as_json: Json = False,
) -> None:
    """Run the log's requests again, in virtual time: what would another mapping have done last Tuesday?

    Failures, latencies, dollars and waste as recorded, under the mapping, and under the one of --with. Asks nobody and
    costs nothing; the log holds no prompts, and none are needed.
    """
    from .commands import replay as command  # noqa: PLC0415 - see the module's docstring

    command.replay(log, config, other, picture, as_json=as_json)


stage_commands.add_to(app)
extras.add_evaluate(app)
# A deployed gateway's own: its callers, its providers, its circuits.
app.add_typer(caller_keys.app, name="keys")
app.add_typer(secrets.app, name="secrets")
app.add_typer(circuits.app, name="circuits")
app.add_typer(mapping.app, name="mapping")


def main() -> None:
    """The console script. Errors that a user can mend are told without a traceback."""
    try:
        app()
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        sys.exit(WRONG)
    except RouterError as error:
        said = f"\nThe provider said: {error.detail}" if error.detail else ""
        typer.echo("error: " + str(error).replace("; ", "\n  ") + said, err=True)
        # What the providers refused is no wrong usage of this command.
        wrong = isinstance(error, InvalidRequestError) and not error.ledger.attempts and not error.ledger.dropped
        sys.exit(WRONG if wrong else FAILED)


if __name__ == "__main__":
    main()
