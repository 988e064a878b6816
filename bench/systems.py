"""What is compared: how each system is started, and how it is asked."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import peers, wire
from .processes import Running, free_port, running

DIRECT, GATEWAY, FLOOR, PROXY, PORTKEY = "direct", "gateway", "acompletion", "litellm-proxy", "portkey"
FORMATS = "gateway-formats"
"""The gateway once more, with models of Anthropic's and Bedrock's in its mapping: it loads what those need."""
TITLES = {
    DIRECT: "direct call",
    GATEWAY: "this gateway",
    FORMATS: "this gateway, three formats",
    FLOOR: "FastAPI + bare acompletion",
    PROXY: "LiteLLM proxy",
    PORTKEY: "Portkey gateway",
}
DOWN = [f"down-{number}" for number in range(20)]
"""Models whose provider goes down, each with a healthy fallback: twenty outages to discover."""
PROVIDER_KEY = "bench"
CALLER_KEY = f"sk-{secrets.token_hex(32)}"
"""Of this run. LiteLLM's proxy does not start without a key of its own, so the gateway asks for one too."""
_AUTHORIZED = {"authorization": f"Bearer {CALLER_KEY}"}


@dataclass(frozen=True, slots=True)
class System:
    """One row of the benchmark."""

    name: str
    port: int
    command: tuple[str, ...] = ()
    """Empty for the direct call, which starts nothing."""
    ready_path: str = "/health"
    environment: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    down_headers: dict[str, str] | None = None
    """Extra headers of a request whose provider is down; None: it knows no fallback."""
    translates: bool = False
    """It is asked for answers of Anthropic's and Bedrock's, too."""
    messages: bool = False
    """It is asked in Anthropic's format, too."""

    def running(self, cores: frozenset[int], folder: Path) -> AbstractContextManager[Running]:
        """Its process; `folder` takes its log. Raises BenchError."""
        log = folder / f"{self.name}.log"
        extra = self.environment
        return running(self.command, port=self.port, ready_path=self.ready_path, extra=extra, cores=cores, log=log)

    def question(self, *, stream: bool = False, model: str = wire.MODEL) -> bytes:
        return wire.request(self.port, wire.question(model, stream=stream), self.headers)

    def message(self, *, stream: bool = False) -> bytes:
        """The same question in Anthropic's format, to a model of Anthropic's."""
        return wire.request(self.port, wire.message(wire.CLAUDE, stream=stream), self.headers, path="/v1/messages")

    def question_to(self, down: str) -> bytes | None:
        """The same question to a model whose provider is down; None where there is no fallback."""
        if self.down_headers is None:
            return None
        return wire.request(self.port, wire.question(down, stream=False), self.headers | self.down_headers)


def all_systems(upstream: int, folder: Path) -> tuple[list[System], dict[str, str]]:
    """Every system that can be had, in front of that upstream's port, and why the others cannot, by name.

    `folder` takes their configurations.
    """
    systems = [System(DIRECT, upstream), *ours(upstream, folder)]
    missing: dict[str, str] = {}
    makers: dict[str, Callable[[], System]] = {
        PROXY: lambda: _proxy(upstream, folder),
        PORTKEY: lambda: _portkey(upstream),
    }
    for name, make in makers.items():
        try:
            systems.append(make())
        except peers.PeerMissingError as error:
            missing[name] = str(error)
    return systems, missing


def ours(upstream: int, folder: Path) -> list[System]:
    """The gateway, twice, and the floor beneath it."""
    return [
        _gateway(GATEWAY, upstream, folder),
        _gateway(FORMATS, upstream, folder),
        floor(upstream),
    ]


def _gateway(name: str, upstream: int, folder: Path) -> System:
    more = [_claude(upstream), _bedrock(upstream)] if name == FORMATS else []
    mapping = {
        "model_list": [
            *(_model(model, upstream, "params", provider="openai") for model in (wire.MODEL, *DOWN)),
            *more,
        ],
        "fallbacks": {model: [wire.MODEL] for model in DOWN},
        "settings": {
            # A probe every five seconds would now and then meet a measured request.
            "circuit_open_seconds": 600.0,
            # What a retry costs is not to be hidden behind a wait of random length.
            "backoff_base": 0.0,
        },
    }
    config, port = _written(folder / f"{name}.yaml", mapping), free_port()
    command = (sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(port), "--config", config)
    variables = {"GATEWAY_API_KEYS": CALLER_KEY}
    return System(name, port, command, "/health", variables, _AUTHORIZED, {}, bool(more), bool(more))


def floor(upstream: int) -> System:
    """FastAPI with bare acompletion, in front of that upstream's port."""
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "bench.floor:app", "--port", str(port), "--no-access-log")
    variables = {"UPSTREAM": f"http://127.0.0.1:{upstream}", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return System(FLOOR, port, command, environment=variables | {"PYTHONPATH": str(peers.ROOT)}, translates=True)


def _proxy(upstream: int, folder: Path) -> System:
    config = {
        "model_list": [_model(name, upstream, "litellm_params", prefix="openai/") for name in (wire.MODEL, *DOWN)],
        # Its own default of two retries would add 1.5 s of sleep to every failure.
        "router_settings": {"num_retries": 0, "fallbacks": [{name: [wire.MODEL]} for name in DOWN]},
    }
    port = free_port()
    command = (str(peers.litellm_proxy()), "--config", _written(folder / "proxy.yaml", config))
    options = ("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False")
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": CALLER_KEY}
    return System(PROXY, port, command + options, "/health/readiness", variables, _AUTHORIZED, {})


def _portkey(upstream: int) -> System:
    port = free_port()
    loopback = str(peers.PORTKEY / "loopback.cjs")
    command = ("node", "--require", loopback, str(peers.portkey()), f"--port={port}", "--headless")
    healthy = {"provider": "openai", "api_key": PROVIDER_KEY, "custom_host": _base(upstream, down=False)}
    broken = healthy | {"custom_host": _base(upstream, down=True)}
    targets = [broken, healthy | {"override_params": {"model": wire.MODEL}}]
    down = {"x-portkey-config": json.dumps({"strategy": {"mode": "fallback"}, "targets": targets})}
    headers = {"x-portkey-config": json.dumps(healthy)}
    return System(PORTKEY, port, command, "/", {"NODE_ENV": "production"}, headers, down)


def _model(name: str, upstream: int, params: str, *, prefix: str = "", provider: str | None = None) -> dict[str, Any]:
    base = _base(upstream, down=name in DOWN)
    item: dict[str, Any] = {"model_name": name}
    item[params] = {"model": prefix + wire.MODEL, "api_key": PROVIDER_KEY, "api_base": base}
    return item if provider is None else item | {"litellm_provider": provider}


def _claude(upstream: int) -> dict[str, Any]:
    base = f"http://127.0.0.1:{upstream}/anthropic"
    params = {"model": wire.CLAUDE, "api_key": PROVIDER_KEY, "api_base": base}
    return {"model_name": wire.CLAUDE, "litellm_provider": "anthropic", "params": params}


def _bedrock(upstream: int) -> dict[str, Any]:
    keys = {"aws_access_key_id": "AKIDBENCH", "aws_secret_access_key": PROVIDER_KEY}
    endpoint = {"aws_bedrock_runtime_endpoint": f"http://127.0.0.1:{upstream}"}
    params = {"model": wire.BEDROCK, "region": "us-east-1", **keys, **endpoint}
    return {"model_name": wire.BEDROCK, "litellm_provider": "bedrock", "params": params}


def _base(upstream: int, *, down: bool) -> str:
    return f"http://127.0.0.1:{upstream}{'/down' if down else ''}/v1"


def _written(path: Path, config: dict[str, Any]) -> str:
    path.write_text(json.dumps(config, indent=2))  # JSON is YAML
    return str(path)
