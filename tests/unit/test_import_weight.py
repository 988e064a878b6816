"""What importing loads: the part of a cold start that does not depend on how busy a machine is."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"litellm", "openai", "anthropic", "boto3", "botocore", "aiohttp", "fastapi", "starlette", "uvicorn"}
HEAVY |= {"matplotlib", "typer", "aws_lambda_powertools"}
UNASKED = HEAVY - {"fastapi", "starlette", "uvicorn"} | {
    "requests",
    "jinja2",
    "tiktoken",
    "tokenizers",
    "mangum",
    "jsonschema",
}
"""What a gateway has no use for before its first request."""


def loaded_by(module: str) -> set[str]:
    """The modules that importing `module` adds to a fresh interpreter."""
    script = f"import sys; before = set(sys.modules); import {module}; print('\\n'.join(set(sys.modules) - before))"
    command = [sys.executable, "-c", script]
    return set(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split())


def test_the_front_door_loads_nothing_but_the_standard_library() -> None:
    foreign = {name.partition(".")[0] for name in loaded_by("litellm_fallback_router")} - sys.stdlib_module_names
    assert foreign == {"litellm_fallback_router"}


@pytest.mark.parametrize(
    ("module", "most"),
    [
        ("litellm_fallback_router", 40),
        ("litellm_fallback_router.bootstrap", 400),
        ("litellm_fallback_router.entrypoints.http", 540),
    ],
)
def test_an_import_stays_within_its_modules_of_others(module: str, most: int) -> None:
    """17, 360 and 490 on Python 3.11; the room is for other versions of Python, not for a new library."""
    assert len([name for name in loaded_by(module) if not name.startswith("litellm_fallback_router")]) <= most


def test_putting_a_router_together_loads_no_sdk_and_no_web_framework() -> None:
    assert not {name.partition(".")[0] for name in loaded_by("litellm_fallback_router.bootstrap")} & HEAVY


@pytest.mark.parametrize("door", ["http", "lambda_web"])
def test_a_gateway_before_its_first_request_has_loaded_nothing_else(door: str) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by(f"litellm_fallback_router.entrypoints.{door}")}
    assert not loaded & UNASKED
