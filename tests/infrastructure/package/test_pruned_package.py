"""The pruned package does all that the whole one did."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.simulator import SimulatorControl
from tests.support.packaged import environment

PROVIDERS = ["openai", "anthropic", "bedrock", "llama", "nova"]
QUESTIONS = Path(__file__).with_name("questions.py")


@pytest.fixture(scope="module")
def told(unpacked: Path, python: Path, simulator: SimulatorControl) -> dict[str, Any]:
    """What the packaged code answered, in an interpreter that has nothing else."""
    done = subprocess.run(
        [python, "-I", str(QUESTIONS), str(unpacked), simulator.url],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_nothing_is_imported_from_outside_the_package(told: dict[str, Any]) -> None:
    assert told["foreign"] == []


@pytest.mark.parametrize("how", ["whole", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_answers_with_its_price(told: dict[str, Any], provider: str, how: str) -> None:
    answer = told["answers"][f"{provider} text {how}"]
    assert answer["text"] == "Paris is the capital of France."
    assert answer["cost_usd"] > 0
    assert (answer["tokens"] > 0, answer["estimated"]) == (True, False)


@pytest.mark.parametrize("how", ["whole", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_calls_a_tool(told: dict[str, Any], provider: str, how: str) -> None:
    answer = told["answers"][f"{provider} tools {how}"]
    assert (answer["tool"], json.loads(answer["arguments"])) == ("weather", {"city": "Paris"})


@pytest.mark.parametrize("how", ["whole", "stream"])
@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "llama"])
def test_every_provider_fills_in_a_schema(told: dict[str, Any], provider: str, how: str) -> None:
    assert json.loads(told["answers"][f"{provider} schema {how}"]["text"]).keys() == {"city"}


def test_every_provider_of_litellm_can_still_be_loaded(unpacked: Path, python: Path) -> None:
    """Models of other providers may be added to a mapping: their code must be whole too."""
    files = (file.relative_to(unpacked) for file in unpacked.glob("litellm/llms/**/chat/transformation.pyc"))
    modules = [".".join(file.with_suffix("").parts) for file in files]
    script = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1]); [importlib.import_module(m) for m in sys.argv[2:]]"
    )
    done = subprocess.run(
        [python, "-I", "-c", script, str(unpacked), *modules],
        env=environment(LITELLM_LOCAL_MODEL_COST_MAP="True"),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(modules) > 60
