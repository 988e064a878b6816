"""What no candidate can do is refused with the name that the caller has for the field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process

HELLO = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    claude = {"model_name": "claude", "params": {"model": "anthropic/claude-sonnet-4-6"}}
    plain = {"model": "openai/gpt-4o", "model_info": {"tools": False}}
    mapping = {"model_list": [claude, {"model_name": "plain", "params": plain}]}
    with gateway_process(tmp_path_factory.mktemp("fields"), mapping, simulator_url=simulator.url) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/chat/completions", {"model": "claude", "messages": HELLO, "n": 2}, "n"),
        ("/v1/chat/completions", {"model": "claude", "messages": HELLO, "logprobs": True}, "logprobs"),
        ("/v1/chat/completions", {"model": "claude", "messages": HELLO, "stop": " "}, "stop"),
        ("/v1/responses", {"model": "claude", "input": "hi", "top_logprobs": 2}, "top_logprobs"),
        ("/v1/responses", {"model": "plain", "input": "hi", "tools": [TOOL]}, "tools"),
    ],
    ids=["n", "logprobs", "stop", "responses logprobs", "responses tools"],
)
def test_the_field_is_named_as_its_caller_names_it(
    gateway: Gateway, path: str, body: dict[str, Any], param: str
) -> None:
    answer = httpx.post(gateway.url + path, json=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
