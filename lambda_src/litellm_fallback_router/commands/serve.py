"""`fallback-router serve`: the gateway on this machine, and its log on stderr, one line of JSON per event."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import shlex
import signal
import socket
import sys
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import typer

from .. import bootstrap
from ..routing.ports import CallerKeys
from ..routing.router import Router
from ..settings import Settings
from .command_context import command_context
from .deployments import keyless
from .formatting import listed, warn
from .interrupts import loaded


def serve(config_file: Path | None, host: str, port: int, *, simulate: bool, drain: float) -> None:
    """Runs until SIGTERM or Ctrl-C. Raises ConfigurationError; exits with 1 where the address cannot be had."""
    # Without a handler SIGTERM would end the process before it is ready without a word to the simulator.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with command_context(config_file, simulate=simulate) as said:
        settings = bootstrap.with_callers_keys(said)
        log_to_stderr(settings.log_level)
        known = bootstrap.caller_keys(settings)
        router = bootstrap.build_router(settings)
        listener = _listener(host, port)
        _warn_if_open(listener, settings)
        try:
            asyncio.run(loaded())
            _run(listener, router, settings, known, drain)
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)


def _run(listener: socket.socket, router: Router, settings: Settings, known: CallerKeys | None, drain: float) -> None:
    """Serve until a signal to stop. LiteLLM must have been imported: that leaves 20 MB free in between what it keeps,
    of which what is imported afterwards takes 10."""
    from ..api.app import create_app  # noqa: PLC0415
    from ..reloading import file_watched  # noqa: PLC0415
    from .server import Server  # noqa: PLC0415

    app = create_app(
        lambda: router,
        api_keys=[key.get_secret_value() for key in settings.api_keys],
        caller_keys=known,
        open_console=settings.opens_console,
        beside=partial(file_watched, settings=settings),
    )
    Server(app, router, settings, lambda: _announce(listener, router, settings), drain=drain).run([listener])


def _listener(host: str, port: int) -> socket.socket:
    """A bound socket; connections are refused until the server listens on it."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        typer.echo(f"error: cannot listen on {host}:{port}: {_hint(error)}", err=True)
        raise typer.Exit(1) from None
    return listener


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port; choose another with --port, or --port 0 for a free one"
    if error.errno == errno.EACCES:
        return "ports below 1024 need privileges; choose another with --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "that is no address of this machine; leave out --host for 127.0.0.1"
    return error.strerror or type(error).__name__


def _warn_if_open(listener: socket.socket, settings: Settings) -> None:
    address = listener.getsockname()[0]
    if not settings.needs_key and not ip_address(address).is_loopback:
        warn(
            f"{address} can be reached from other machines, and anyone who reaches it spends your money: "
            "set GATEWAY_API_KEYS=key1,key2, or GATEWAY_KEYS_FILE"
        )


async def _announce(listener: socket.socket, router: Router, settings: Settings) -> None:
    """The first line is `gateway ready on URL`: programs that start a gateway read it."""
    from ..api.health import package_version  # noqa: PLC0415 - with FastAPI, as above

    url = _url(listener)
    config = router.config
    without_key = await keyless(router)
    lines = [f"gateway ready on {url}", f"  version     {package_version()}; interactive documentation at {url}/docs"]
    lines.append(f"  models      {listed([name for name in config.chains if name not in config.strategies])}")
    lines.append(f"  strategies  {listed([name for name in config.chains if name in config.strategies])}")
    lines += [f"  unusable    {deployment}: {reason}" for deployment, reason in without_key.items()]
    if router.live is not None:
        lines.append(f"  console     {url}/console shows chains and requests live, in a browser")
    if settings.simulator_url is not None:
        lines.append(f"  simulator   {settings.simulator_url} answers in the providers' place: no keys, no cost")
    if settings.api_keys:
        lines.append("  access      callers need a key: one of GATEWAY_API_KEYS, or the master_key of a LiteLLM config")
    if settings.keys_file is not None:
        lines.append(
            f"  access      callers need a key of {settings.keys_file}; `fallback-router keys create` makes one"
        )
    if len(without_key) == len(config.deployments):
        lines.append("No deployment has a key, so no request can be answered yet: set one, or start with --simulate.")
    lines += ["Try it:", *_curl(url, _model(router, without_key), with_key=settings.needs_key)]
    typer.echo("\n".join(lines))
    sys.stdout.flush()


def _url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    if ip_address(address).is_unspecified:
        address = "127.0.0.1"
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _model(router: Router, without_key: dict[str, str]) -> str:
    """The first name with a usable deployment in its chain."""
    config = router.config
    able = {d.model_name for d in config.deployments if d.id not in without_key}
    chats = {name: chain for name, chain in config.chains.items() if not config.embeds(name)}
    answered = (name for name, chain in chats.items() if able.intersection(chain))
    return next(answered, config.first_chat)


def _curl(url: str, model: str, *, with_key: bool) -> list[str]:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "What is the capital of France?"}]})
    key = ["    -H 'authorization: Bearer YOUR_KEY' \\"] if with_key else []
    return [
        f"  curl {url}/v1/chat/completions -H 'content-type: application/json' \\",
        *key,
        f"    -d {shlex.quote(body)}",
    ]


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", ...}`: an event's own fields where the message is an object, else `message`.

    Of an exception it keeps the type: its text may quote a prompt, an answer or a key.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **(record.msg if isinstance(record.msg, dict) else {"message": record.getMessage()}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__qualname__
        return json.dumps(line)


def log_to_stderr(level: str) -> None:
    """Our log at `level`, and what uvicorn has to complain about."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name, threshold in (("litellm_fallback_router", level), ("uvicorn.error", "WARNING")):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(threshold)
        logger.propagate = False
