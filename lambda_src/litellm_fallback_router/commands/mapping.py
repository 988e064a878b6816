"""`fallback-router mapping`: the mapping of a deployed gateway, changed without a deployment."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .deployed import Region, Stack, deployed

if TYPE_CHECKING:
    from ..adapters.appconfig_rollouts import MappingRollouts, Pushed
    from ..routing.mapping import RouterConfig

FAILED = 1
NONE_BEFORE = (
    "the first that is pushed: AppConfig has none to go back to, so when it is taken back, environments that have it "
    "keep it until they are replaced; push the mapping that is deployed first"
)
NONE_LEFT = (
    "no other mapping was pushed before it: environments that have it keep it until they are replaced, new ones begin "
    "with the package's; push the mapping that you want"
)

app = typer.Typer(
    help="Change the mapping of a gateway deployed with -c live_mapping=true, without a deployment.",
    no_args_is_help=True,
)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A mapping (YAML or JSON).")]
Now = Annotated[
    bool,
    typer.Option(
        "--now",
        help="Everyone has it within a minute, whatever the alarms say; without it by steps in 10 minutes, and an "
        "alarm within 25 takes it back.",
    ),
]


@contextmanager
def _rollouts(stack: str | None, region: str | None) -> Iterator[tuple[MappingRollouts, tuple[str, ...]]]:
    """The mappings of the stage here, and the other Regions that it is in."""
    from ..operation_errors import explained  # noqa: PLC0415 - AWS's libraries, only when needed

    with deployed(stack, region) as gateway, explained():
        yield gateway.mappings, gateway.stack.other_regions


@app.command()
def push(file: File, *, now: Now = False, stack: Stack = None, region: Region = None) -> None:
    """Put a mapping in force. It is checked here, and again by the stage's own validator before anyone has it."""
    from ..routing.mapping import revision_of  # noqa: PLC0415 - only when needed

    mapping = _read(file)
    after = _checked(mapping)
    about = f"{revision_of(mapping)} by {_user()}"[:200]
    with _rollouts(stack, region) as (rollouts, elsewhere):
        before = rollouts.in_force()
        _refuse_meanwhile(rollouts)
        if not now and (ringing := rollouts.ringing()):
            _fail(f"{', '.join(ringing)} would take it back at once, as it rings now; add --now if this mends it")
        if before is None:
            typer.echo(NONE_BEFORE)
        else:
            _print_changes(_checked(rollouts.mapping(before.version)), after)
        version = rollouts.add(mapping, about)
        pushed = _at_once(rollouts, version, about) if now else rollouts.roll_out(version, about)
    _tell(pushed, elsewhere, at_once=now)


@app.command()
def diff(file: File, *, stack: Stack = None, region: Region = None) -> None:
    """Show what a mapping would change of the one in force. Changes nothing."""
    after = _checked(_read(file))
    with _rollouts(stack, region) as (rollouts, _):
        before = rollouts.in_force()
        if before is None:
            _fail("none was pushed yet: the one that the stage was deployed with is in force")
        _print_changes(_checked(rollouts.mapping(before.version)), after)


@app.command()
def history(*, stack: Stack = None, region: Region = None) -> None:
    """Show which mappings were put in force, when, and what became of them."""
    from rich.table import Table  # noqa: PLC0415 - only when needed

    from .formatting import console  # noqa: PLC0415

    with _rollouts(stack, region) as (rollouts, _):
        pushed = rollouts.history()
    grid = Table("version", "began", "state", "reached", title="Mappings, the newest first", title_justify="left")
    for one in pushed:
        began = "" if one.started is None else one.started.strftime("%Y-%m-%d %H:%M")
        grid.add_row(one.version, began, one.state.lower().replace("_", " "), f"{one.percent:.0f}%")
    console().print(grid)


@app.command()
def rollback(
    *,
    to: Annotated[int | None, typer.Option(help="A version of `history`; the one before, if left out.", min=1)] = None,
    stack: Stack = None,
    region: Region = None,
) -> None:
    """Go back to the mapping before, at once. A rollout under way is ended, one that has ended is undone."""
    with _rollouts(stack, region) as (rollouts, elsewhere):
        latest = next(iter(rollouts.history()), None)
        if latest is None:
            _fail("no mapping was pushed yet, so there is none to take back")
        if to is not None:
            _refuse_meanwhile(rollouts)
            pushed = _at_once(rollouts, str(to), f"back to version {to}")
        elif latest.state == "ROLLING_BACK":
            pushed = latest
        elif latest.in_progress or latest.state == "COMPLETE":
            pushed = rollouts.take_back(latest)
        else:
            _fail(f"the newest, version {latest.version}, was taken back already; name a version with --to")
        if pushed.is_going and rollouts.in_force() is None:
            typer.echo(NONE_LEFT)
    _tell(pushed, elsewhere, at_once=to is not None)


def _at_once(rollouts: MappingRollouts, version: str, about: str) -> Pushed:
    """A signal to end this command leaves no alarm silenced; what nothing can catch is told how to mend before."""
    from .interrupts import held_signals  # noqa: PLC0415 - only when needed

    if ringing := rollouts.ringing():
        names = shlex.join(ringing)
        typer.echo(
            f"silenced until everyone has it: {', '.join(ringing)}; if this command is killed, let them ring again: "
            f"aws cloudwatch enable-alarm-actions --alarm-names {names}",
            err=True,
        )
    with held_signals() as released, released():
        return rollouts.roll_out_at_once(version, about, ringing)


def _user() -> str:
    """Who pushes, for AppConfig's history. A container's user often has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a user without a name"


def _read(file: Path) -> Any:
    from ..routing.mapping import read_mapping  # noqa: PLC0415 - only when needed

    return read_mapping(file)


def _checked(mapping: Any) -> RouterConfig:
    """Raises ConfigurationError with every mistake that can be found here."""
    from .. import bootstrap  # noqa: PLC0415 - only when needed
    from ..routing.errors import ConfigurationError  # noqa: PLC0415 - as above
    from ..routing.mapping import unfit  # noqa: PLC0415 - as above
    from ..settings import load_settings  # noqa: PLC0415 - as above

    if mapping is None:
        raise ConfigurationError(["the mapping is empty"])
    config = bootstrap.load(load_settings({}), mapping)
    if problems := unfit(config):
        raise ConfigurationError(problems)
    return config


def _refuse_meanwhile(rollouts: MappingRollouts) -> None:
    latest = next(iter(rollouts.history()), None)
    if latest is not None and latest.in_progress:
        _fail(
            f"version {latest.version} is being rolled out ({latest.percent:.0f}%); wait, or end that with "
            "fallback-router mapping rollback"
        )


def _print_changes(before: RouterConfig, after: RouterConfig) -> None:
    from ..routing.mapping import changes  # noqa: PLC0415 - only when needed

    typer.echo("\n".join(changes(before, after)) or "nothing would change")


def _tell(pushed: Pushed, elsewhere: Sequence[str], *, at_once: bool) -> None:
    """Exits with 1 where it should have ended by now, and everyone does not have it."""
    reached = "" if pushed.is_going else f", {pushed.percent:.0f}% of the environments"
    typer.echo(f"version {pushed.version}: {pushed.state.lower().replace('_', ' ')}{reached}")
    if pushed.in_progress and not pushed.is_going:
        typer.echo("fallback-router mapping history shows how it goes; fallback-router mapping rollback ends it")
    for region in elsewhere:
        typer.echo(f"the stage in {region} has a mapping of its own: do the same with --region {region}")
    if at_once and pushed.state != "COMPLETE":
        raise typer.Exit(FAILED)


def _fail(why: str) -> NoReturn:
    typer.echo(f"error: {why}", err=True)
    raise typer.Exit(FAILED)
