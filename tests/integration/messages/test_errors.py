"""Errors in Anthropic's envelope, and an exhausted chain that its SDK does not ask again."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import PARIS


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ({"model": "nobody"}, anthropic.NotFoundError, 404),
        ({"model": "anthropic", "temperature": 3}, anthropic.BadRequestError, 400),
        ({"model": "anthropic", "workspace_id": "w"}, anthropic.BadRequestError, 400),
    ],
)
def test_errors_have_anthropics_envelope(
    *, client: Anthropic, body: dict[str, Any], kind: type[anthropic.APIStatusError], status: int
) -> None:
    with pytest.raises(kind) as raised:
        client.messages.create(max_tokens=10, messages=PARIS, extra_body=body, model=body["model"])
    told: Any = raised.value.body
    assert (raised.value.status_code, told["type"]) == (status, "error")
    assert told["request_id"] == raised.value.request_id
    assert told["error"]["param"] in (*body, "model")


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault(kind="status", status=529), 500, "api_error"),
        (Fault(kind="status", status=429, retry_after="30"), 429, "rate_limit_error"),
    ],
)
def test_an_exhausted_chain_is_not_repeated_by_the_sdk(
    *, gateway: Gateway, simulator: SimulatorControl, fault: Fault, status: int, kind: str
) -> None:
    simulator.reset()
    simulator.inject(fault, model="sim-solid")
    with (
        Anthropic(base_url=gateway.url, api_key="none", max_retries=3) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.messages.create(model="solid", max_tokens=10, messages=PARIS)
    assert (raised.value.status_code, raised.value.type) == (status, kind)
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len({record.arrived for record in simulator.requests()}) <= 3
