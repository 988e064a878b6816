"""The interleaved run: every system in turn, again and again, so that a busy moment of the machine meets them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from . import client, wire
from .processes import Running
from .systems import DIRECT, DOWN, System

CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    sequential: int
    """Requests of a round, one after the other."""
    concurrent: int
    """Requests of a round, `CONCURRENCY` at a time."""
    streams: int
    """Streams of a round, one after the other."""
    starts: int
    """Times everything is started to see how long it takes."""
    memory: tuple[int, int] | None
    """Requests after which memory is read; None: it is not."""
    hostile: int
    """Rounds of hostile bodies."""


FULL = Size(rounds=15, sequential=60, concurrent=160, streams=4, starts=5, memory=(500, 5000), hostile=3)
QUICK = Size(rounds=4, sequential=40, concurrent=96, streams=3, starts=1, memory=None, hostile=1)


@dataclass(slots=True)
class Round:
    """One system's part of one round. Seconds."""

    sequential: list[float] = field(default_factory=list)
    anthropic: list[float] = field(default_factory=list)
    bedrock: list[float] = field(default_factory=list)
    """Requests one after the other to models in those formats, by systems that translate."""
    messages: list[float] = field(default_factory=list)
    """The same in Anthropic's format to a model of Anthropic's."""
    message_chunk: list[float] = field(default_factory=list)
    """As `chunk`, of streams in that format."""
    beside_messages: list[float] = field(default_factory=list)
    beside_message_chunk: list[float] = field(default_factory=list)
    """Chat completions in turn with those of `messages`, and with those streams."""
    concurrent: list[float] = field(default_factory=list)
    first_token: list[float] = field(default_factory=list)
    chunk: list[float] = field(default_factory=list)
    """Time from the first token to the end, per further token, of each stream."""
    healthy: list[float] = field(default_factory=list)
    """Requests in turn with those of `circuit_open`."""
    circuit_open: list[float] = field(default_factory=list)
    """Requests whose provider is down, after that has been found out."""
    requests_per_cpu_second: float | None = None


@dataclass(slots=True)
class Samples:
    """All that was measured of one running system."""

    rounds: list[Round] = field(default_factory=list)
    first_use: list[float] = field(default_factory=list)
    """Seconds of the first request to each of the providers that go down later."""
    discovery: list[float] = field(default_factory=list)
    """Seconds of the first request to each of them once they are down."""
    before_discovery: list[float] = field(default_factory=list)
    """Seconds of healthy requests in turn with those."""
    memory_mb: dict[str, float] = field(default_factory=dict)
    """Resident memory when ready, and after so many requests."""


async def measure(
    systems: list[System], processes: Mapping[str, Running], size: Size, say: Callable[[str], None]
) -> dict[str, Samples]:
    """Raises BenchError where a system stops answering."""
    samples = {system.name: Samples() for system in systems}
    for system in systems:
        if process := processes.get(system.name):
            samples[system.name].memory_mb["ready"] = process.memory_mb
    for system in systems:
        say(f"warming up {system.name}")
        await _warm(system)
    if size.memory is not None:
        await _memory(systems, processes, samples, size.memory, say)
    say("discovering outages")
    for system in systems:
        samples[system.name].first_use = await _use(system)
    await _begin_outage(systems)
    for system in systems:
        await _discover(system, samples[system.name])
    for number in range(size.rounds):
        say(f"round {number + 1} of {size.rounds}")
        turn = systems[number % len(systems) :] + systems[: number % len(systems)]
        for system in turn:
            samples[system.name].rounds.append(await _round(system, processes.get(system.name), size))
    return samples


async def _warm(system: System) -> None:
    await client.one_by_one(system.port, [system.question()] * 20)
    await client.one_by_one(system.port, [system.question(stream=True)] * 3)
    if system.translates:
        await client.one_by_one(system.port, [system.question(model=wire.CLAUDE)] * 20)
        await client.one_by_one(system.port, [system.question(model=wire.BEDROCK)] * 20)
    if system.messages:
        await client.one_by_one(system.port, [system.message()] * 20)
        await client.one_by_one(system.port, [system.message(stream=True)] * 3)


async def _memory(
    systems: list[System],
    processes: Mapping[str, Running],
    samples: Mapping[str, Samples],
    marks: tuple[int, int],
    say: Callable[[str], None],
) -> None:
    for system in systems:
        if (process := processes.get(system.name)) is None:
            continue
        asked = 0
        for mark in marks:
            say(f"{system.name}: memory after {mark} requests")
            await client.all_at_once(system.port, system.question(), mark - asked, CONCURRENCY)
            asked = mark
            samples[system.name].memory_mb[f"after {mark}"] = process.memory_mb


async def _use(system: System) -> list[float]:
    """Seconds of the first request to each model whose provider goes down later."""
    return await _seconds(system, _to_down(system))


async def _begin_outage(systems: list[System]) -> None:
    upstream = next(system.port for system in systems if system.name == DIRECT)
    await client.one_by_one(upstream, [wire.request(upstream, b"", {}, path="/outage")])


async def _discover(system: System, samples: Samples) -> None:
    """The first request to each model whose provider is down now, in turn with healthy ones; then some more until every
    circuit there is is open."""
    if not (requests := _to_down(system)):
        return
    healthy = system.question()
    both = await _seconds(system, [one for request in requests for one in (healthy, request)])
    samples.before_discovery, samples.discovery = both[::2], both[1::2]
    for _ in range(3):
        await client.one_by_one(system.port, requests)


def _to_down(system: System) -> list[bytes]:
    """Nothing where the system knows no fallback."""
    return [request for name in DOWN if (request := system.question_to(name)) is not None]


async def _round(system: System, process: Running | None, size: Size) -> Round:
    one = Round()
    healthy = system.question()
    one.sequential = await _seconds(system, [healthy] * size.sequential)
    if system.translates:
        one.anthropic = await _seconds(system, [system.question(model=wire.CLAUDE)] * (size.sequential // 2))
        one.bedrock = await _seconds(system, [system.question(model=wire.BEDROCK)] * (size.sequential // 2))
    if system.messages:
        both = await _seconds(system, [healthy, system.message()] * (size.sequential // 2))
        one.beside_messages, one.messages = both[::2], both[1::2]
        chunks = [_chunk_seconds(system, stream) for stream in await _streams_of_both(system, size)]
        one.beside_message_chunk, one.message_chunk = chunks[::2], chunks[1::2]
    if down := system.question_to(DOWN[0]):
        both = await _seconds(system, [healthy, down] * (size.sequential // 2))
        one.healthy, one.circuit_open = both[::2], both[1::2]
    before = process.cpu_seconds if process else 0.0
    crowd = await client.all_at_once(system.port, healthy, size.concurrent, CONCURRENCY)
    if process:
        one.requests_per_cpu_second = size.concurrent / max(process.cpu_seconds - before, 1e-3)
    one.concurrent = [exchange.seconds for exchange in crowd]
    for stream in await client.one_by_one(system.port, [system.question(stream=True)] * size.streams):
        one.chunk.append(_chunk_seconds(system, stream))
        one.first_token.append(stream.first_token or 0.0)
    return one


async def _streams_of_both(system: System, size: Size) -> list[client.Exchange]:
    """Chat completions in turn with Anthropic's messages."""
    both = [system.question(stream=True), system.message(stream=True)]
    return await client.one_by_one(system.port, both * size.streams)


def _chunk_seconds(system: System, stream: client.Exchange) -> float:
    """Of each chunk behind the first token."""
    if stream.first_token is None:
        raise client.BenchError(f"{system.name} streamed no token")
    return (stream.seconds - stream.first_token) / (wire.TOKENS - 1)


async def _seconds(system: System, requests: list[bytes]) -> list[float]:
    """How long each took; a healthy one before them opens the connection and is not counted."""
    exchanges = await client.one_by_one(system.port, [system.question(), *requests])
    return [exchange.seconds for exchange in exchanges[1:]]


async def upstream_limit(port: int) -> float:
    """Requests a second that client and upstream reach between them, on the core they share."""
    loop = asyncio.get_running_loop()
    question = System(DIRECT, port).question()
    rates = []
    for _ in range(3):
        began = loop.time()
        await client.all_at_once(port, question, 4000, CONCURRENCY)
        rates.append(4000 / (loop.time() - began))
    return median(rates)
