"""How often a managed prompt is read, by the simulator's own log; and what is wrong with one, by every door."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from litellm_fallback_router.adapters.prompts import ManagedPrompts, reader
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.interceptors.prompts.template import PromptTemplate
from litellm_fallback_router.simulated import bedrock
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process

ALLOWED = {"ROUTER_PROMPTS": "CAPITALS01,NOTTHERE01"}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a missing variable": ({"id": "CAPITALS01", "version": "1"}, "prompt.variables.country", "misses 'country'"),
    "an unknown variable": (
        {"id": "CAPITALS01", "variables": {"country": "x", "city": "y"}},
        "prompt.variables.city",
        "has no 'city'",
    ),
    "no such version": (
        {"id": "CAPITALS01", "version": "77", "variables": {"country": "x"}},
        "prompt.version",
        "has no version '77'",
    ),
    "no such prompt": ({"id": "NOTTHERE01"}, "prompt.id", "no prompt 'NOTTHERE01' in Bedrock"),
    "a prompt of others": ({"id": "FORBIDDEN1"}, "prompt.id", "may use: CAPITALS01"),
}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("versions")
    with gateway_process(folder, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=ALLOWED) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(simulator: SimulatorControl) -> Iterator[None]:
    simulator.reset()
    yield
    simulator.reset()


def readings(simulator: SimulatorControl) -> list[str]:
    """What was asked of Bedrock, each reading's path and query's end."""
    return [r.path.rpartition("/prompts/")[2] for r in simulator.requests() if "/prompts/" in r.path]


def test_requests_of_the_gateway_read_a_version_and_the_draft_once_each(
    gateway: Gateway, simulator: SimulatorControl
) -> None:
    for version in ("1", None, "1", None, "1", "DRAFT"):
        prompt = {"id": "CAPITALS01", "variables": {"country": "France"}} | ({"version": version} if version else {})
        for stream in (False, True):
            body = {"prompt": prompt, "stream": stream}
            assert httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=30).status_code == 200

    assert len(readings(simulator)) == 2


async def test_a_version_is_never_read_again_and_a_draft_after_a_minute(simulator: SimulatorControl) -> None:
    now = 1_800_000_000.0
    prompts = ManagedPrompts(reader("us-east-1", **bedrock(simulator.url)), lambda: now)

    async def texts() -> list[Any]:
        templates: list[PromptTemplate] = [await prompts.get("CAPITALS01", version) for version in ("1", "DRAFT")]
        return [template.messages[0]["content"] for template in templates]

    before = await texts()
    library = simulator.settings()["prompts"]
    changed = [
        {**one, "variants": [{**one["variants"][0], "templateConfiguration": {"text": {"text": "Changed."}}}]}
        for one in library
        if one["id"] == "CAPITALS01"
    ]
    simulator.settings(prompts=changed)
    seen = {}
    for later in (59.0, 61.0, 62.0, 10 * 365 * 86_400.0):
        now = 1_800_000_000.0 + later
        seen[later] = (await texts(), len(readings(simulator)))

    assert before == ["What is the capital of {{country}}?", "Tell me: what is the capital of {{country}}?"]
    assert seen == {
        59.0: (before, 2),
        61.0: ([before[0], "Changed."], 3),
        62.0: ([before[0], "Changed."], 3),
        10 * 365 * 86_400.0: ([before[0], "Changed."], 4),
    }


@pytest.mark.parametrize(("prompt", "param", "words"), WRONG.values(), ids=WRONG)
def test_ask_names_what_is_wrong(gateway: Gateway, prompt: Any, param: str, words: str) -> None:
    answer = httpx.post(f"{gateway.url}/ask", json={"prompt": prompt, "question": "And then?"}, timeout=30)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert words in answer.json()["error"]["message"]


def test_the_library_names_what_is_wrong(simulator: SimulatorControl) -> None:
    program = f"""
from litellm_fallback_router import AIAssistant, Prompt
from litellm_fallback_router.routing.errors import InvalidRequestError
for prompt, param, words in {list(WRONG.values())!r}:
    try:
        AIAssistant(prompt=Prompt(**prompt))
    except InvalidRequestError as error:
        print(error.param == param, words in str(error), error.status)
"""
    environment = {**os.environ, **ALLOWED, "ROUTER_SIMULATOR_URL": simulator.url}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.split("\n")[:-1], done.stderr) == (["True True 400"] * len(WRONG), "")
