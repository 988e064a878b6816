"""What is used of LiteLLM: each name is there, the version is the same everywhere, and whoever listens to it hears."""

from __future__ import annotations

import ast
import asyncio
import copy
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine, names
from litellm_fallback_router.engine.listeners import LISTENERS, listened_to
from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.types import Message
from local.simulator import Fault, SimulatorControl
from tests.support.scripted import deployment

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lambda_src" / "litellm_fallback_router"
LIBRARIES = {"litellm()", "library"}
"""What LiteLLM is called in our code."""
HEARD_SECONDS = 10.0
LIMIT = 60
QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]
ASK_FROM_MANY_LOOPS = """
import asyncio, resource
from litellm_fallback_router import ChatRequest
from litellm_fallback_router.bootstrap import build_router

async def streamed(asked):
    async with router.stream(asked) as stream:
        async for _ in stream:
            pass

resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
router = build_router()
for _ in range(50):
    for model in ("openai-gpt4o", "anthropic-claude-haiku", "bedrock-claude-haiku"):
        asked = ChatRequest(model, [{"role": "user", "content": "hi"}])
        assert not asyncio.run(router.complete(asked)).fallback
        asyncio.run(streamed(asked))
"""
KEEP_ONCE = """
from litellm_fallback_router.adapters.price_map import price_map
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.engine.loading import litellm

build_router()
library = litellm()
print(price_map.cache_info().currsize)
print(len(library.litellm_core_utils.get_model_cost_map.GetModelCostMap.loaded_model_cost_map()))
print(hasattr(library.utils, "json_data"))
print(library.get_model_info("gpt-4o")["input_cost_per_token"] > 0)
print(library.token_counter("claude-sonnet-4-6", text="hello there"))
"""
ASK_EVERYBODY = """
import asyncio, sys
from litellm_fallback_router import ChatRequest, RouterError
from litellm_fallback_router.bootstrap import build_router

async def main():
    async with build_router() as router:
        for model in router.config.chains:
            asked = ChatRequest(model, [{"role": "user", "content": "hi"}], {"max_tokens": 100})
            await router.complete(asked)
            try:
                async with router.stream(asked) as stream:
                    async for _ in stream:
                        pass
            except RouterError:
                print("broke off")
    print("litellm.litellm_core_utils.default_encoding" in sys.modules)
    from litellm.main import _get_encoding
    print(_get_encoding().encode("hello") == [15339])

asyncio.run(main())
"""


def run_alone(code: str, simulator: SimulatorControl) -> subprocess.CompletedProcess[str]:
    """In a process of its own, against the simulated providers."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ROUTER_SIMULATOR_URL": simulator.url},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def of_litellm(node: ast.AST) -> str:
    """`a.b` for `litellm().a.b`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join(parts) if ast.unparse(node) in LIBRARIES else ""


def used() -> set[str]:
    """The longest names that our code takes from LiteLLM."""
    found = set()
    for file in (PACKAGE / "engine").rglob("*.py"):
        found |= {name for node in ast.walk(ast.parse(file.read_text())) if (name := of_litellm(node))}
    return found


@pytest.mark.parametrize("name", names.NAMES)
def test_litellm_has_every_name_that_is_used(name: str) -> None:
    assert names.has(litellm(), name)


def test_every_name_that_is_used_is_listed() -> None:
    listed = [name.split(".") for name in names.NAMES]
    assert len(used()) > 40
    for name in sorted(used()):
        parts = name.split(".")
        assert any(one[: len(parts)] == parts or parts[: len(one)] == one for one in listed), name


def test_a_name_that_is_missing_stops_the_start_with_what_to_install() -> None:
    with pytest.raises(ConfigurationError) as told:
        names.check(SimpleNamespace(**dict.fromkeys(names.SETTINGS, 1)))
    assert f"LiteLLM {names.VERSION} has no " in str(told.value)
    assert "litellm.utils.ProviderConfigManager.get_provider_chat_config" in str(told.value)
    assert f"litellm=={names.VERSION}" in str(told.value)


def test_the_version_is_the_same_in_the_package_the_locks_and_the_list() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line for line in project["dependencies"] if line.startswith("litellm")}
    assert pinned == {f"litellm=={names.VERSION}"}
    for lock in ("lambda_src/requirements.txt", "requirements.txt"):
        assert re.findall(r"^litellm==(\S+)", (ROOT / lock).read_text(), re.MULTILINE) == [names.VERSION]


def a_listener() -> Any:
    """One of LiteLLM's callbacks. Made no earlier: LiteLLM is to be loaded as the gateway loads it."""

    class Listener(litellm().integrations.custom_logger.CustomLogger):  # type: ignore[misc] # LiteLLM is not followed
        def __init__(self) -> None:
            super().__init__()
            self.heard = asyncio.Event()

        async def async_log_success_event(self, *args: Any, **call: Any) -> None:
            self.heard.set()

    return Listener()


async def ask(simulator: SimulatorControl, *, stream: bool) -> None:
    at = deployment("gpt-4o", api_base=f"{simulator.url}/openai/v1", api_key="sim-openai-key")
    engine = Engine(lambda one: one.api_key)
    if not stream:
        await engine.complete(at, QUESTION, {})
        return
    async for _ in engine.stream(at, QUESTION, {}):
        pass


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_callback_of_somebody_elses_is_served(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    listener = a_listener()
    for name in LISTENERS:  # LiteLLM puts it into more lists than one
        monkeypatch.setattr(litellm(), name, copy.copy(getattr(litellm(), name)))
    litellm().callbacks.append(listener)
    await ask(simulator, stream=stream)
    async with asyncio.timeout(HEARD_SECONDS):
        await listener.heard.wait()


@pytest.mark.parametrize("name", LISTENERS)
def test_whatever_somebody_sets_is_served(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not listened_to(litellm())
    monkeypatch.setattr(litellm(), name, [object()])
    assert listened_to(litellm())


def test_no_tokenizer_is_loaded_to_ask_anybody(simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="cut", after_chunks=1), stream=True)
    done = run_alone(ASK_EVERYBODY, simulator)
    *broken, loaded, usable = done.stdout.splitlines()
    assert broken, "no stream was cut"
    assert (loaded, usable, done.returncode) == ("False", "True", 0), done.stderr


def test_what_nobody_reads_is_not_kept(simulator: SimulatorControl) -> None:
    """The price map is there once, and a tokenizer's vocabulary as the text that LiteLLM makes it from."""
    done = run_alone(KEEP_ONCE, simulator)
    assert (done.stdout.split(), done.returncode) == (["0", "0", "False", "True", "2"], 0), done.stderr


def test_connections_do_not_outlive_their_event_loops(simulator: SimulatorControl) -> None:
    simulator.reset()
    done = run_alone(ASK_FROM_MANY_LOOPS, simulator)
    assert (done.returncode, done.stderr) == (0, "")
