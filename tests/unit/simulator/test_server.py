"""The server below the providers: bytes that are no HTTP, keep-alive, and many clients at once."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from local.simulator import Fault, Simulator
from local.simulator.http import MAX_BODY
from tests.support.waiting import eventually

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Count to 3"}]}).encode()
HEAD = (
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer sim-openai-key\r\n"
)


async def raw(sim: Simulator, data: bytes) -> bytes:
    """Send bytes as they are and read until the server closes, at most five seconds."""
    host, port = sim.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / SMTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhalf a head", 400),
        (HEAD + b"content-length: many\r\n\r\n", 400),
        (HEAD + b"content-length: -1\r\n\r\n", 400),
        (HEAD + b"content-length: 100\r\n\r\nshort", 400),
        (HEAD + b"content-length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nfffffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_not_http_is_refused_and_the_connection_ends(sim: Simulator, data: bytes, status: int) -> None:
    answer = await raw(sim, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer


async def test_a_chunked_request_body_is_read(http: httpx.AsyncClient, sim: Simulator) -> None:
    async def portions() -> Any:
        for start in range(0, len(BODY), 10):
            yield BODY[start : start + 10]

    headers = {"authorization": "Bearer sim-openai-key", "content-type": "application/json"}
    response = await http.post(f"{sim.url}/openai/v1/chat/completions", content=portions(), headers=headers)
    assert response.json()["choices"][0]["message"]["content"] == "1, 2, 3."


async def test_requests_share_a_connection_also_after_an_error(http: httpx.AsyncClient, sim: Simulator) -> None:
    sim.inject(Fault(kind="status", status=500), times=1)
    headers = {"authorization": "Bearer sim-openai-key", "content-type": "application/json"}
    statuses = []
    for _ in range(3):
        response = await http.post(f"{sim.url}/openai/v1/chat/completions", content=BODY, headers=headers)
        statuses.append(response.status_code)
    assert statuses == [500, 200, 200]
    assert sim.open_connections == 1


async def test_200_clients_at_once_each_get_their_own_answer(http: httpx.AsyncClient, sim: Simulator) -> None:
    sim.settings.chunk_delay = 0.005
    headers = {"authorization": "Bearer sim-openai-key"}

    async def ask(number: int) -> None:
        question = f"client number {number} speaks"
        body = {"model": "sim-x", "messages": [{"role": "user", "content": question}], "stream": number % 2 == 0}
        response = await http.post(f"{sim.url}/openai/v1/chat/completions", json=body, headers=headers, timeout=60)
        assert response.status_code == 200
        if number % 2 == 0:
            lines = [line[6:] for line in response.text.split("\n") if line.startswith("data: {")]
            text = "".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines)
        else:
            text = response.json()["choices"][0]["message"]["content"]
        assert question in text

    await asyncio.gather(*(ask(number) for number in range(200)))
    assert len(sim.requests) == 200
    assert not any(record.disconnected for record in sim.requests)
    assert sim.in_flight == 0


async def test_a_storm_of_faults_leaves_nothing_behind(sim: Simulator) -> None:
    storm: list[dict[str, Any]] = [
        {"kind": "reset"},
        {"kind": "silence", "seconds": 0.1},
        {"kind": "cut", "abrupt": True},
        {"kind": "cut", "after_chunks": 0},
        {"kind": "stall", "seconds": 0.1},
        {"kind": "slow_first_token", "seconds": 0.1},
        {"kind": "malformed"},
        {"kind": "garbled_headers"},
        {"kind": "status", "status": 503},
        {"kind": "stall"},
    ]
    for seed, fault in enumerate(storm):
        sim.inject(Fault.model_validate(fault), probability=0.1, seed=seed)
    headers = {"authorization": "Bearer sim-openai-key"}

    async def ask(client: httpx.AsyncClient, number: int) -> bool:
        body = {"model": "sim-x", "messages": [{"role": "user", "content": "x y z"}], "stream": number % 2 == 0}
        try:
            response = await client.post(f"{sim.url}/openai/v1/chat/completions", json=body, headers=headers)
        except httpx.TransportError:
            return False
        return response.status_code == 200

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=3) as client:
        went_well = await asyncio.gather(*(ask(client, number) for number in range(200)))
    assert 20 < sum(went_well) < 180
    assert {record.fault for record in sim.requests} == {None, *(fault["kind"] for fault in storm)}
    await eventually(lambda: sim.in_flight == 0)
    await eventually(lambda: sim.open_connections == 0)
    assert all(record.finished for record in sim.requests)


async def test_leaving_the_context_ends_every_connection() -> None:
    async with Simulator() as sim:
        sim.inject(Fault(kind="silence"))
        waiting = asyncio.create_task(raw_request(sim))
        await eventually(lambda: sim.in_flight == 1)
    async with asyncio.timeout(5):
        assert await waiting == b""


async def raw_request(sim: Simulator) -> bytes:
    host, port = sim.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
