"""What stands behind `fallback-router preflight`, `smoke`, `rollback` and `spend`: commands for a stage on AWS.

Only the wiring, as in `cli`: each is imported when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .deployed import Region, Stack
from .key_options import File
from .options import FAILED, Config, Json


def add_to(app: typer.Typer) -> None:
    """Adds them, in this order."""
    for command in (preflight, smoke, rollback, spend):
        app.command()(command)


def preflight(
    *,
    config: Config = None,
    region: Annotated[
        str | None, typer.Option(help="AWS Region to deploy to; AWS's usual settings if left out.")
    ] = None,
    arch: Annotated[Literal["arm64", "x86_64"], typer.Option(help="Of the stage's functions.")] = "arm64",
    requests_per_second: Annotated[
        float, typer.Option(min=0.001, max=100_000, help="Expected, at the busiest time.")
    ] = 1.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=900, help="That one answer takes, as expected.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Look up what a deployment on AWS needs, before there is one.

    In the Region: CDK's bootstrap stack, SnapStart, the Web Adapter's layer, and the role that API Gateway logs with,
    which a deployment would replace. In the account: Lambda's concurrency against the expected load, each Bedrock
    model of the mapping with its subscription, and Anthropic's form.

    It reads only, with your own AWS credentials, and costs nothing. Exits with 1 if something failed; what you may not
    look up is a warning that names the permission.
    """
    from ..preflight.account import Load  # noqa: PLC0415
    from . import preflight as command  # noqa: PLC0415 - see the module's docstring

    load = Load(requests_per_second, seconds)
    if not command.preflight(config, region, arch=arch, load=load, as_json=as_json):
        raise typer.Exit(FAILED)


def smoke(
    *,
    config: Config = None,
    stack: Stack = None,
    region: Region = None,
    plan: Annotated[
        str | None, typer.Option(help="Usage plan of the key; the one with the most requests a second if left out.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Base URL without v1, where callers come in elsewhere than at the output Url.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, max=900, help="Seconds to wait for the metrics, at most.")] = 180.0,
    as_json: Json = False,
) -> None:
    """Use a deployed stage as its callers do, and look at what surrounds it.

    Makes a key, asks every deployment of the mapping once whole and once streamed over HTTPS, and revokes the key
    whatever happens, Ctrl-C included. Looks whether streams really stream, the door refuses who has no key, the state
    table can be read, the metrics arrive in CloudWatch and somebody hears of the alarms.

    Give the mapping that is deployed as --config. Costs about a cent; takes a minute or two, most of it for
    the metrics. Exits with 1 and the fix for everything that failed.
    """
    from .smoke import command  # noqa: PLC0415 - see the module's docstring

    options = command.Options(stack, region, plan, url, wait)
    if not command.smoke(config, options, as_json=as_json):
        raise typer.Exit(FAILED)


def rollback(
    *,
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="The version; the one before if left out.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the versions and change nothing.")] = False,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Take a deployed gateway back to an earlier version, within seconds.

    A rollout that is under way is stopped, and CodeDeploy moves the callers back. Else the alias is moved to the
    version before. Keys, secrets and the state table stay as they are, and so does what CloudFormation believes:
    deploy the mended or the older commit next.
    """
    from . import rollback as command  # noqa: PLC0415 - see the module's docstring

    command.rollback(to, stack, region, show=show)


def spend(
    *,
    days: Annotated[int, typer.Option(min=1, max=400, help="Of UTC, with today.")] = 30,
    by: Annotated[str, typer.Option(help="Added up by day, caller, model: what stands here.")] = "caller,model",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with exact amounts, instead of a table.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", dir_okay=False, help="Draw each day's dollars by caller instead.")
    ] = None,
    file: File = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Show what callers have spent, on which models, and how much of it was wasted.

    Of a gateway deployed on AWS, or with --file of the one on this machine. A picture shows models instead of callers
    with --by model.
    """
    from . import spend as command  # noqa: PLC0415 - see the module's docstring

    command.spend(by, days, picture, (file, stack, region), as_csv=as_csv)
