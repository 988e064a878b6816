"""What docs/agentcore.md says, held against the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from fallback_router_agentcore.tools import TOOLS
from infra.cedar import policies
from infra.stage import load_stage
from local.simulator import SimulatorControl
from tests.support.documents import REPOSITORY, between_markers, examples

PAGE = REPOSITORY / "docs" / "agentcore.md"
EXAMPLES = examples(PAGE)


def test_handler_answers_as_the_page_shows(simulator: SimulatorControl) -> None:
    simulator.reset()
    example = EXAMPLES["agentcore-tool"]
    done = subprocess.run(
        [sys.executable, "-c", example.text],
        env={**os.environ, "ROUTER_SIMULATOR_URL": simulator.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", example.output)


def test_table_of_the_page_makes_the_policy_that_it_shows() -> None:
    access = load_stage({"agentcore": EXAMPLES["agentcore-table"].text}).agentcore
    assert access is not None
    made = {policy.name: policy.text for policy in policies(access, "GATEWAY_ARN")}
    assert between_markers(PAGE, "policy") == f"```text\n{made['support_ask']}\n```"
    assert made.keys() == {
        *("support_ask", "research_ask", "research_chat_completion"),
        *("no_prompt_attack_in_ask", "no_harm_in_ask"),
        *("no_prompt_attack_in_chat_completion", "no_harm_in_chat_completion"),
    }


def test_smallest_table_allows_one_tool_and_guards_both() -> None:
    access = load_stage({"agentcore": examples(REPOSITORY / "docs" / "http.md")["agentcore"].text}).agentcore
    assert access is not None
    made = [policy.name for policy in policies(access, "GATEWAY_ARN")]
    assert made[0] == "support_ask"
    assert len(made) == 5
    assert all(name.startswith("no_") for name in made[1:])


def test_tools_of_the_page_are_the_codes_own() -> None:
    rows = ["| tool | takes | of type | |", "|---|---|---|---|"]
    for tool in TOOLS.values():
        name = f"`{tool.name}` "
        for field, schema in tool.input["properties"].items():
            required = "required " if field in tool.input["required"] else ""
            rows.append(f"| {name}| `{field}` | {schema['type']} | {required}|")
            name = ""
    assert between_markers(PAGE, "tools") == "\n".join(rows)


def test_inference_target_of_the_page_fits_awss_service_model(monkeypatch: pytest.MonkeyPatch) -> None:
    arn = (
        "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/fallback-router"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    client = boto3.client("bedrock-agentcore-control", region_name="us-east-1")
    sent: dict[str, Any] = {}
    client.meta.events.register(
        "provide-client-params.bedrock-agentcore-control.CreateGatewayTarget",
        lambda params, **_: sent.update(params),
    )
    secret = {"apiKeySecretArn": {"secretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key"}}
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    with Stubber(client) as stub:
        named = {"name": "fallback-router", "credentialProviderArn": arn, **secret}
        stub.add_response("create_api_key_credential_provider", named, {"name": "fallback-router", "apiKey": ANY})
        stub.add_client_error("create_gateway_target", "Seen", expected_params=None)
        with pytest.raises(client.exceptions.ClientError, match="Seen"):
            exec(EXAMPLES["agentcore-inference"].text, {})  # noqa: S102 - the page is ours
    shape = client.meta.service_model.operation_model("CreateGatewayTarget").input_shape
    assert _misfits(shape, json.loads(json.dumps(sent))) == []
    provider = sent["credentialProviderConfigurations"][0]["credentialProvider"]["apiKeyCredentialProvider"]
    assert provider["providerArn"] == arn


def _misfits(shape: Any, value: Any) -> list[str]:
    """Texts that are not of the pattern or the choice that the model has for them; botocore itself checks the rest."""
    if shape.type_name == "structure":
        return [bad for name, inner in value.items() for bad in _misfits(shape.members[name], inner)]
    if shape.type_name == "list":
        return [bad for inner in value for bad in _misfits(shape.member, inner)]
    pattern, choices = shape.metadata.get("pattern", ".*"), getattr(shape, "enum", None)
    return [value] if not re.fullmatch(pattern, value) or (choices and value not in choices) else []
