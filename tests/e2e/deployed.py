"""The stack on a local AWS that really deploys, end to end: `make e2e`.

API Gateway, IAM (enforced), Lambda, DynamoDB, Secrets Manager and CloudFormation are MiniStack's; the providers are
the simulator; the Lambda is the built package on an interpreter that has nothing else. In the order of a stack's life.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic
from openai import AuthenticationError, InternalServerError, OpenAI, RateLimitError

from litellm_fallback_router.adapters.dynamodb.circuits import FRESH
from local.simulator.faults import Fault
from tests.support.deployed import CIRCUIT_FAILURES, STACK, Deployed
from tests.support.key_hashes import hash_of

pytestmark = pytest.mark.timeout(420)

QUESTION: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
DOWN = Fault(kind="status", status=503)


@pytest.fixture(scope="module")
def client(deployed: Deployed) -> OpenAI:
    return deployed.client(deployed.new_key())


@pytest.fixture(autouse=True)
def _no_faults_left(deployed: Deployed) -> Iterator[None]:
    yield
    deployed.simulator.reset()


def _stored_circuit(deployed: Deployed, deployment: str) -> str:
    key = {"pk": {"S": f"circuit#{deployment}"}}
    item = deployed.aws.client("dynamodb").get_item(TableName=deployed.outputs["StateTableName"], Key=key)["Item"]
    return str(item["state"]["S"])


def _ask(client: OpenAI, model: str = "openai-gpt4o") -> dict[str, Any]:
    """The answer with its ledger."""
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=QUESTION, extra_body={"router": {"explain": True}}
    )
    answer: dict[str, Any] = json.loads(raw.text)
    return {**answer, "provider": raw.headers["x-router-provider"]}


def test_right_key_gets_the_answer_of_the_model_it_asked_for(client: OpenAI) -> None:
    answer = _ask(client)
    assert answer["provider"] == "openai"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0


def test_anthropic_s_client_and_the_responses_api_come_through_the_same_door(
    deployed: Deployed, client: OpenAI
) -> None:
    key = client.api_key
    plan = {"x-api-key": deployed.usage_key(key) or "none"}
    with Anthropic(base_url=deployed.url, auth_token=key, api_key=None, default_headers=plan, max_retries=0) as claude:
        message = claude.messages.create(
            model="openai-gpt4o",
            max_tokens=100,
            messages=[{"role": "user", "content": "What is the capital of France?"}],
        )
        text = message.content[0]
        assert text.type == "text"
        assert "Paris" in text.text
        with pytest.raises(anthropic.AuthenticationError):
            claude.with_options(auth_token="sk-router-of-nobody").models.list()
    response = client.responses.create(model="bedrock-claude-sonnet", input="What is the capital of France?")
    assert "Paris" in response.output_text


def test_models_are_those_of_the_mapping_that_was_deployed(client: OpenAI) -> None:
    assert {"openai-gpt4o", "bedrock-llama", "cost-optimized"} <= {model.id for model in client.models.list()}


def test_wrong_key_is_refused_as_openai_refuses_it(deployed: Deployed) -> None:
    with pytest.raises(AuthenticationError) as raised:
        _ask(deployed.client("sk-router-of-nobody"))
    assert raised.value.code == "invalid_api_key"
    assert deployed.simulator.requests() == []


def test_no_key_is_refused(deployed: Deployed) -> None:
    for path in ("v1/models", "v1/chat/completions", "health", ""):
        response = httpx.get(f"{deployed.url}{path}", timeout=30)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"


def test_key_without_its_usage_plan_is_refused(deployed: Deployed) -> None:
    headers = {
        "Authorization": f"Bearer {deployed.new_key()}"
    }  # the authorizer knows it; API Gateway gets no plan's key
    response = httpx.get(f"{deployed.url}v1/models", headers=headers, timeout=30)
    assert response.status_code == 401
    assert "usage plan" in response.json()["error"]["message"]


def test_revoked_key_is_refused(deployed: Deployed) -> None:
    key = deployed.new_key()
    revoked = deployed.client(key)
    deployed.command("keys", "revoke", hash_of(key)[:12])
    with pytest.raises(AuthenticationError):
        revoked.models.list()


def test_key_beyond_its_plan_is_told_to_wait(deployed: Deployed) -> None:
    trial = deployed.client(deployed.new_key("trial"))
    with pytest.raises(RateLimitError) as raised:
        for _ in range(10):
            trial.models.list()
    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("down", "answered"),
    [
        ([], "openai gpt-4o"),
        (["openai"], "anthropic claude-sonnet-4-6"),
        (["openai", "anthropic"], "bedrock us-east-1 us.anthropic.claude-sonnet-4-6"),
        (["openai", "anthropic", "us-east-1"], "bedrock us-west-2 us.anthropic.claude-sonnet-4-6"),
        (["openai", "anthropic", "sonnet"], "bedrock us-west-2 us.meta.llama3-3-70b-instruct-v1:0"),
    ],
    ids=["none", "openai", "openai and anthropic", "and bedrock in us-east-1", "and bedrock's sonnet"],
)
def test_next_in_the_chain_answers_while_these_are_down(
    down: list[str], answered: str, deployed: Deployed, client: OpenAI
) -> None:
    matching: dict[str, dict[str, Any]] = {
        "openai": {"provider": "openai"},
        "anthropic": {"provider": "anthropic"},
        "us-east-1": {"provider": "bedrock", "region": "us-east-1"},
        "sonnet": {"provider": "bedrock", "model": "us.anthropic.claude-sonnet-4-6"},
    }
    for name in down:
        deployed.simulator.inject(DOWN, **matching[name])
    last = _ask(client)["router"]["attempts"][-1]
    assert last["outcome"] == "answered"
    assert " ".join(filter(None, [last["provider"], last["region"], last["model"]])) == answered
    deployed.simulator.reset()
    _ask(client)  # well again: what failed here must not add up to an open circuit


def test_everything_down_is_one_clear_error_that_clients_do_not_retry(deployed: Deployed, client: OpenAI) -> None:
    deployed.simulator.inject(DOWN)
    with pytest.raises(InternalServerError) as raised:
        _ask(client, "bedrock-nova")
    assert raised.value.response.headers["x-should-retry"] == "false"


def test_rotated_provider_key_is_used_without_a_failed_request(deployed: Deployed, client: OpenAI) -> None:
    deployed.simulator.settings(openai_keys=["sim-openai-key-2"])
    deployed.command("secrets", "set", "openai", stdin="sim-openai-key-2")
    answer = _ask(client)
    assert answer["provider"] == "openai"
    assert [attempt["outcome"] for attempt in answer["router"]["attempts"]][-1] == "answered"
    # Taken from the secret from now on, so no request is refused any more.
    before = len(deployed.simulator.requests())
    assert _ask(client)["provider"] == "openai"
    assert len(deployed.simulator.requests()) == before + 1
    deployed.command("secrets", "set", "openai", stdin="sim-openai-key")


def test_circuit_that_one_environment_opened_is_seen_by_another(deployed: Deployed, client: OpenAI) -> None:
    model, target = "openai-gpt4o-mini", "gpt-4o-mini"
    deployed.simulator.inject(DOWN, provider="openai", model=target)
    for _ in range(CIRCUIT_FAILURES):
        assert _ask(client, model)["provider"] == "anthropic"
    assert _stored_circuit(deployed, model) == "OPEN"
    deployed.simulator.clear_requests()
    # Two requests at the same time are two environments. The second one has seen no failure of its own.
    deployed.simulator.settings(latency=3.0)
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: _ask(client, model), range(2)))
        dropped = [{drop["deployment"]: drop["code"] for drop in answer["router"]["dropped"]} for answer in answers]
        if all(drops.get(model) == "circuit_open" for drops in dropped):
            break
    else:
        pytest.fail(f"the circuit stayed closed somewhere: {dropped}")
    asked = [one for one in deployed.simulator.requests() if one.model == target]
    assert len(asked) < CIRCUIT_FAILURES  # too few for the second one to have opened it by itself
    deployed.command("circuits", "close", model)


def test_callers_are_refused_while_their_keys_cannot_be_read(deployed: Deployed, client: OpenAI) -> None:
    client.models.list()
    with deployed.without_permission("Authorizer", "dynamodb:GetItem"), pytest.raises(InternalServerError) as raised:
        deployed.client(deployed.new_key()).models.list()
    assert raised.value.code == "keys_unavailable"
    client.models.list()


def test_provider_is_passed_over_while_its_secret_may_not_be_read(deployed: Deployed, client: OpenAI) -> None:
    deployed.simulator.settings(openai_keys=["sim-openai-key-3"])
    try:
        with deployed.without_permission("Gateway", "secretsmanager:GetSecretValue"):
            deployed.command("secrets", "set", "openai", stdin="sim-openai-key-3")
            # Anthropic, where the environment is warm and knows that key; Bedrock, which needs none, where it is new.
            assert _ask(client)["provider"] in {"anthropic", "bedrock"}
    finally:
        deployed.command("secrets", "set", "openai", stdin="sim-openai-key")


def test_gateway_answers_while_the_state_table_may_not_be_touched(deployed: Deployed, client: OpenAI) -> None:
    with deployed.without_permission("Gateway", "dynamodb:UpdateItem"):
        time.sleep(FRESH + 1)
        assert _ask(client, "bedrock-nova")["provider"] == "bedrock"
        # The table is asked beside the request, so what came of it may show with the next one only.
        assert _ask(client, "bedrock-nova")["provider"] == "bedrock"
    assert "state_unavailable" in deployed.log()


def test_second_deployment_changes_nothing(deployed: Deployed) -> None:
    def last_change() -> Any:
        return (
            deployed.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0].get("LastUpdatedTime")
        )

    before = last_change()
    assert deployed.cdk.deploy() == deployed.outputs
    assert last_change() == before
    assert "There were no differences" in deployed.cdk.diff()


def test_nothing_secret_is_in_a_log(deployed: Deployed) -> None:
    text = deployed.log()
    assert '"Requests":[1.0]' in text
    assert "attempt_failed" in text
    for secret in ("sk-router-", "sim-openai-key", "sim-anthropic-key", "capital of France"):
        assert secret not in text


def test_a_guardrail_is_put_before_and_behind_a_gateway_that_is_there(deployed: Deployed, client: OpenAI) -> None:
    deployed.cdk.deploy(guardrail="simguard:1", prompts="CAPITALS01")
    deployed.simulator.clear_requests()
    questions = {"I want forbidden fruit": "blocked", "I am ann@example.com": "masked", "Count to 3": "passed"}
    for question, verdict in questions.items():
        raw = client.chat.completions.with_raw_response.create(
            model="openai-gpt4o", messages=[{"role": "user", "content": question}]
        )
        assert raw.headers["x-router-guardrail"] == verdict
    prompt = {"id": "CAPITALS01", "version": "1", "variables": {"country": "France"}}
    answer = client.chat.completions.create(model="prompt", messages=[], extra_body={"prompt": prompt})
    assert answer.choices[0].message.content == "Paris is the capital of France."
    sent = [str(one.body) for one in deployed.simulator.requests() if "/guardrail/" not in one.path]
    assert len([one for one in sent if "{EMAIL}" in one]) == 1
    assert not any("ann@example.com" in one or "forbidden" in one for one in sent)
    log = deployed.log()
    assert '"GuardrailBlocks"' in log
    assert '"prompt_id":"CAPITALS01"' in log.replace(": ", ":")
    assert "ann@example.com" not in log


def test_destroyed_stack_leaves_only_the_accounts_log_role(deployed: Deployed) -> None:
    deployed.cdk.destroy()
    aws = deployed.aws
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert aws.client("apigateway").get_rest_apis()["items"] == []
    assert aws.client("apigateway").get_usage_plans()["items"] == []
    assert aws.client("dynamodb").list_tables()["TableNames"] == []
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert aws.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    assert aws.client("logs").describe_log_groups()["logGroups"] == []
    roles = [
        role["RoleName"] for role in aws.client("iam").list_roles()["Roles"] if not role["RoleName"].startswith("cdk-")
    ]
    assert [role for role in roles if "ApiLogRole" not in role] == []
