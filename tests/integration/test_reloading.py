"""A mapping file that changes while the gateway answers, over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router import reloading
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import free_port, gateway_process
from tests.support.reloaded import LOOK_SECONDS, Reloaded, reloaded_gateway

RELOADS = 100
CALLERS = 6
REFUSED_EACH = 10
"""Of so many changes one has a mistake."""


def mapping(number: int, **settings: Any) -> dict[str, Any]:
    """The mapping of that number: each has a model of its own behind the same name."""
    patient = {"first_token_timeout": 60.0, "answer_timeout": 60.0, "stall_timeout": 60.0, "deadline": 90.0}
    return {
        "model_list": [
            {"model_name": "chat", "litellm_provider": "openai", "params": {"model": f"sim-chat-{number}"}},
            {"model_name": "steady", "litellm_provider": "anthropic", "params": {"model": "sim-steady"}},
        ],
        "settings": {**patient, **settings},
    }


@pytest.fixture(autouse=True)
def clean(simulator: SimulatorControl) -> Iterator[None]:
    simulator.reset()
    yield
    simulator.reset()
    simulator.settings(chunk_delay=0.0)


@dataclass(frozen=True)
class Answer:
    model: str
    revision: str
    between: tuple[set[str], str]
    """The revisions in force from when it was sent until it began."""


async def asked(client: httpx.AsyncClient, gateway: Reloaded, *, stream: bool) -> Answer:
    before = len(gateway.events.named("mapping_replaced"))
    was = gateway.revision
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    async with client.stream("POST", f"{gateway.url}/v1/chat/completions", json=body) as response:
        since = gateway.events.named("mapping_replaced")[before:]
        in_force = {was, *(event["revision"] for event in since)}
        text = (await response.aread()).decode()
    assert response.status_code == 200, text
    if not stream:
        model = json.loads(text)["model"]
    else:
        assert text.rstrip().endswith("data: [DONE]"), text
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
        (model,) = {json.loads(line)["model"] for line in lines}
    assert response.headers["x-router-model"] == model
    return Answer(model, response.headers["x-router-mapping"], (in_force, was))


async def test_a_hundred_changes_under_load_lose_no_request_and_mix_none(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    # A stream takes longer than a change, so that it ends long after it.
    simulator.settings(chunk_delay=0.03)
    answers: list[Answer] = []
    async with (
        reloaded_gateway(tmp_path, mapping(0), simulator.url) as gateway,
        httpx.AsyncClient(timeout=60) as client,
    ):
        models = {gateway.revision: "sim-chat-0"}
        enough = asyncio.Event()

        async def caller(number: int) -> None:
            for turn in itertools.count(number):
                if enough.is_set():
                    return
                answers.append(await asked(client, gateway, stream=bool(turn % 2)))

        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(caller(number))
            refused = 0
            for number in range(1, RELOADS + 1):
                had = len(answers)
                if number % REFUSED_EACH == 0:
                    refused += 1
                    in_force = gateway.revision
                    gateway.write({**mapping(number), "fallbacks": {"chat": ["nobody"]}})
                    await gateway.until("mapping_refused", refused)
                    assert gateway.revision == in_force
                gateway.write(mapping(number))
                event = (await gateway.until("mapping_replaced", number))[-1]
                models[event["revision"]] = f"sim-chat-{number}"
                async with asyncio.timeout(30):
                    while len(answers) == had:
                        await asyncio.sleep(LOOK_SECONDS)
            enough.set()

    assert len(models) == RELOADS + 1
    assert len({answer.revision for answer in answers}) > RELOADS / 2
    for answer in answers:
        assert models[answer.revision] == answer.model
        assert answer.revision in answer.between[0]
    asked_of = [record.model for record in simulator.requests() if record.provider == "openai"]
    assert len(asked_of) == len(answers), "each request was sent once"


async def test_a_stream_ends_under_the_mapping_it_began_with(simulator: SimulatorControl, tmp_path: Path) -> None:
    simulator.settings(chunk_delay=0.3)
    async with (
        reloaded_gateway(tmp_path, mapping(1), simulator.url) as gateway,
        httpx.AsyncClient(timeout=60) as client,
    ):
        first = gateway.revision
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        async with client.stream("POST", f"{gateway.url}/v1/chat/completions", json=body) as response:
            parts = response.aiter_lines()
            begun = await anext(parts)
            gateway.write(mapping(2))
            await gateway.until("mapping_replaced", 1)
            after = await asked(client, gateway, stream=False)
            rest = [line async for line in parts]
        assert (after.model, response.headers["x-router-mapping"]) == ("sim-chat-2", first)
        chunks = [json.loads(line[6:]) for line in [begun, *rest] if line.startswith("data: {")]
        assert {chunk["model"] for chunk in chunks} == {"sim-chat-1"}
        assert rest[-2:] == ["data: [DONE]", ""]


async def health(gateway: Reloaded, client: httpx.AsyncClient) -> dict[str, Any]:
    told: dict[str, Any] = (await client.get(f"{gateway.url}/health")).json()
    return told


@pytest.fixture
async def running(simulator: SimulatorControl, tmp_path: Path) -> AsyncIterator[tuple[Reloaded, httpx.AsyncClient]]:
    async with (
        reloaded_gateway(tmp_path, mapping(1), simulator.url) as gateway,
        httpx.AsyncClient(timeout=60) as client,
    ):
        yield gateway, client


async def test_the_log_says_what_changed_and_health_names_the_revision(
    running: tuple[Reloaded, httpx.AsyncClient],
) -> None:
    gateway, client = running
    before = await health(gateway, client)
    changed = mapping(2, max_attempts=4)
    changed["model_list"][1]["params"]["rpm"] = 7
    gateway.write({**changed, "fallbacks": {"chat": ["steady"]}})
    (event,) = await gateway.until("mapping_replaced", 1)

    assert event["former_revision"] == before["mapping"]
    assert event["revision"] == (await health(gateway, client))["mapping"]
    assert event["changes"] == [
        "deployments.chat: model sim-chat-1 -> sim-chat-2, litellm_model changed",
        "deployments.steady: rpm None -> 7",
        "chains.chat: chat -> chat, steady",
        "settings.max_attempts: 6 -> 4",
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"model_list": [', "mapping.json: line 1, column 17: Expecting value"),
        ({"model_list": [], "setings": {}}, "setings: unknown field, did you mean 'settings'?"),
        ({**mapping(2), "settings": {"responses_store": "dynamodb"}}, "settings.responses_store: set ROUTER_RESPON"),
    ],
    ids=["no-json", "two-mistakes", "lacks-a-table"],
)
async def test_a_mapping_with_a_mistake_is_refused_whole_and_every_mistake_said(
    running: tuple[Reloaded, httpx.AsyncClient], written: Any, said: str
) -> None:
    gateway, client = running
    gateway.write(written)
    (event,) = await gateway.until("mapping_refused", 1)
    assert any(problem.startswith(said) for problem in event["problems"])
    assert event["revision_in_force"] == gateway.revision
    assert (await asked(client, gateway, stream=False)).model == "sim-chat-1"

    gateway.write(mapping(3))
    await gateway.until("mapping_replaced", 1)
    assert (await asked(client, gateway, stream=True)).model == "sim-chat-3"
    assert len(gateway.events.named("mapping_refused")) == 1, "said once, not with every look"


async def test_a_file_that_is_gone_is_said_and_the_mapping_stays(running: tuple[Reloaded, httpx.AsyncClient]) -> None:
    gateway, client = running
    # The file that it began with has been looked at by now.
    gateway.write(mapping(2))
    await gateway.until("mapping_replaced", 1)
    gateway.file.rename(gateway.file.with_name("elsewhere.json"))
    (event,) = await gateway.until("mapping_refused", 1)
    assert event["problems"] == [
        "mapping.json: cannot be read (No such file or directory); check ROUTER_CONFIG",
    ]
    assert (await asked(client, gateway, stream=False)).model == "sim-chat-2"
    gateway.write(mapping(3))
    await gateway.until("mapping_replaced", 2)
    assert (await asked(client, gateway, stream=False)).model == "sim-chat-3"


async def test_a_bug_while_the_file_is_read_does_not_end_the_watch(
    running: tuple[Reloaded, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, client = running

    def broken(settings: Settings) -> Any:
        raise RuntimeError(settings.config_file)

    with monkeypatch.context() as patched:
        patched.setattr(reloading, "mapping_of", broken)
        gateway.write(mapping(2))
        (event,) = await gateway.until("mapping_refused", 1)
    assert event["problems"][0].startswith("a bug of the gateway: RuntimeError")
    gateway.write(mapping(3))
    await gateway.until("mapping_replaced", 1)
    assert (await asked(client, gateway, stream=False)).model == "sim-chat-3"


async def test_a_masters_key_that_changes_is_refused_since_the_former_would_stay_valid(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    def config(key: str, number: int) -> dict[str, Any]:
        params = {"model": f"openai/sim-chat-{number}"}
        models = [{"model_name": "chat", "litellm_params": params}]
        return {"model_list": models, "general_settings": {"master_key": key}}

    async with reloaded_gateway(tmp_path, config("sk-one", 1), simulator.url) as gateway:
        gateway.write(config("sk-two", 2))
        (event,) = await gateway.until("mapping_refused", 1)
        assert event["problems"][0].startswith("general_settings.master_key: changes with a restart only")
        assert "sk-" not in str(event)
        gateway.write(config("sk-one", 2))
        await gateway.until("mapping_replaced", 1)


async def test_an_open_circuit_stays_open_for_the_same_place_and_not_for_another(
    running: tuple[Reloaded, httpx.AsyncClient], simulator: SimulatorControl
) -> None:
    gateway, client = running
    gateway.write({**mapping(1, circuit_failures=1, circuit_open_seconds=600.0), "fallbacks": {"chat": ["steady"]}})
    await gateway.until("mapping_replaced", 1)
    simulator.inject(Fault(kind="status", status=503), provider="openai")
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}

    async def provider() -> str:
        answer = await client.post(f"{gateway.url}/v1/chat/completions", json=body)
        return answer.headers["x-router-provider"]

    assert await provider() == "anthropic"
    simulator.reset()
    assert (await provider(), len(simulator.requests())) == ("anthropic", 1), "openai is not asked again"

    gateway.write({**mapping(1, circuit_failures=2, circuit_open_seconds=600.0), "fallbacks": {"chat": ["steady"]}})
    await gateway.until("mapping_replaced", 2)
    assert await provider() == "anthropic"

    gateway.write({**mapping(2, circuit_failures=2, circuit_open_seconds=600.0), "fallbacks": {"chat": ["steady"]}})
    await gateway.until("mapping_replaced", 3)
    assert await provider() == "openai"


async def test_a_minute_that_is_used_up_stays_used_up(running: tuple[Reloaded, httpx.AsyncClient]) -> None:
    gateway, client = running
    for replaced, (number, rpm) in enumerate(((1, 2), (1, 3), (2, 3)), 1):
        changed = mapping(number)
        changed["model_list"][0]["params"]["rpm"] = rpm
        gateway.write(changed)
        await gateway.until("mapping_replaced", replaced)
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        answers = [(await client.post(f"{gateway.url}/v1/chat/completions", json=body)).status_code for _ in range(3)]
        # Two in the first minute's mapping, one more where it allows three; another place has a minute of its own.
        assert answers == {(1, 2): [200, 200, 429], (1, 3): [200, 429, 429], (2, 3): [200, 200, 200]}[number, rpm]


async def test_metrics_go_on_counting_at_their_port(simulator: SimulatorControl, tmp_path: Path) -> None:
    port = free_port()
    async with (
        reloaded_gateway(tmp_path, mapping(1), simulator.url, metrics_port=port) as gateway,
        httpx.AsyncClient(timeout=60) as client,
    ):
        await asked(client, gateway, stream=False)
        gateway.write(mapping(2))
        await gateway.until("mapping_replaced", 1)
        await asked(client, gateway, stream=False)
        told = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    counted = [line for line in told.splitlines() if "sim-chat-1" in line or "sim-chat-2" in line]
    assert {model for model in ("sim-chat-1", "sim-chat-2") if any(model in line for line in counted)} == {
        "sim-chat-1",
        "sim-chat-2",
    }, told


def test_the_command_takes_up_a_changed_file(simulator: SimulatorControl, tmp_path: Path) -> None:
    with gateway_process(tmp_path, mapping(1), simulator_url=simulator.url) as running:
        before = httpx.get(f"{running.url}/health").json()["mapping"]
        # Written in place, as an editor may do it.
        (tmp_path / "mapping.json").write_text(json.dumps(mapping(2)))
        while httpx.get(f"{running.url}/health").json()["mapping"] == before:
            assert running.process.poll() is None
        with running.client() as client:
            assert client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hi"}]).model == (
                "sim-chat-2"
            )
        logged = [json.loads(line) for line in running.log.read_text().splitlines()]
        assert [line["event"] for line in logged if line.get("event") == "mapping_replaced"] == ["mapping_replaced"]
