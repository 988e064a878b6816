"""What hedging does to a tail: one answer in a hundred begins 20 times later than the others.

    python -m bench --only-tails [--quick]

Two gateways with the same chain stand in front of one simulated provider, one with `hedge` in its settings. Both are
asked for as many streams, in turn. Costs are those of the ledgers, at the price map's prices: what a provider bills for
a stream that was cancelled before its first token is taken for its prompt.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import aiohttp
from rich.table import Column, Table

from local.simulator import Fault, SimulatorControl, simulator_process

from .client import BenchError
from .processes import Cores, Running, free_port, running

LATENCY = 0.05
"""Seconds before a usual first token."""
SLOWER, EVERY = 20, 100
"""How many times later the slow ones begin, and one of how many is slow."""
ROUNDS = 5
LEARNING, CONCURRENCY = 400, 8
STREAMS, QUICK_STREAMS = 2000, 400
"""Of a round."""
SECONDS = 60.0
MS = 1e3
HEDGE = {"after": "p95", "at_most": 0.05}
WAYS: dict[str, dict[str, Any] | None] = {"waited for": None, "hedged": HEDGE}
QUESTION = {
    "model": "first",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. " * 20},
        {"role": "user", "content": "Count to 100"},
    ],
    "stream": True,
    "router": {"explain": True},
}


@dataclass(slots=True)
class Asked:
    """The streams of one gateway in one round."""

    first_tokens: list[float] = field(default_factory=list)
    """Seconds."""
    cost_usd: float = 0.0
    wasted_usd: float = 0.0
    hedges: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    @property
    def p99(self) -> float:
        """Seconds that the slowest hundredth took at least."""
        return sorted(self.first_tokens)[-math.ceil(len(self.first_tokens) / 100)]


LIMITS = (
    "A hedge costs the prompt once more. With `at_most: 0.05` that is at most 5 % of what prompts cost: no more than",
    "2 % of the spend where prompts are two fifths of it or less; where they are more, `waste_usd` ends hedging at 2 %",
    "in the long run. What a provider bills for a stream that was cancelled before its first token is not known: it is",
    "taken for its prompt.",
)
Round = dict[str, Asked]
"""By the names of `WAYS`."""


def measure(cores: Cores, folder: Path, *, rounds: int, streams: int, say: Callable[[str], None]) -> list[Round]:
    """Raises BenchError."""
    with simulator_process(latency=LATENCY) as simulator, ExitStack() as stack:
        gateways = {way: stack.enter_context(_gateway(way, simulator, cores, folder)) for way in WAYS}
        asyncio.run(_learn(gateways, say))
        slow = Fault(kind="slow_first_token", seconds=LATENCY * (SLOWER - 1))
        simulator.inject(slow, provider="openai", every=EVERY)
        return [asyncio.run(_round(gateways, streams, say)) for _ in range(rounds)]


def ratios_p99(measured: Sequence[Round]) -> list[float]:
    """First token of the slowest hundredth, hedged against waited for."""
    return [one["hedged"].p99 / one["waited for"].p99 for one in measured]


def ratios_cost(measured: Sequence[Round]) -> list[float]:
    """USD, hedged against waited for."""
    return [one["hedged"].cost_usd / one["waited for"].cost_usd for one in measured]


def table(measured: Sequence[Round]) -> Table:
    """The medians over the rounds."""
    shown = Table("late answers", *(Column(name, justify="right") for name in HEAD[1:]))
    for row in lines(measured):
        shown.add_row(*row)
    return shown


HEAD = ("late answers", "first token p50, ms", "p95, ms", "p99, ms", "hedged, %", "waste, % of the spend")


def lines(measured: Sequence[Round]) -> list[list[str]]:
    """A row for each of `WAYS`, under `HEAD`."""
    rows = []
    for way in WAYS:
        asked = [one[way] for one in measured]
        ordered = [sorted(one.first_tokens) for one in asked]
        numbers = [
            *(median(one[int(len(one) * share)] for one in ordered) * MS for share in (0.5, 0.95)),
            median(one.p99 for one in asked) * MS,
            median(100 * one.hedges / len(one.first_tokens) for one in asked),
            median(100 * one.wasted_usd / one.cost_usd for one in asked),
        ]
        rows.append([way, *(f"{number:.0f}" if number >= 20 else f"{number:.2f}" for number in numbers)])
    return rows


def described(measured: Sequence[Round]) -> str:
    """What was asked, in a sentence."""
    one = measured[0]["waited for"]
    count = len(one.first_tokens)
    return (
        f"{len(measured)} rounds of {count} streams at each gateway, {CONCURRENCY} at a time, after {LEARNING} from "
        f"which it learnt; {one.prompt_tokens / count:.0f} tokens of prompt and {one.answer_tokens / count:.0f} of "
        f"answer each. The provider's first token comes after {LATENCY * MS:.0f} ms, that of one stream in {EVERY} "
        f"{SLOWER} times later. p99 is what the slowest hundredth took at least."
    )


async def _learn(gateways: Mapping[str, Running], say: Callable[[str], None]) -> None:
    for way, gateway in gateways.items():
        say(f"a tail: the gateway learns ({way})")
        await _ask(gateway, LEARNING)


async def _round(gateways: Mapping[str, Running], streams: int, say: Callable[[str], None]) -> Round:
    asked: Round = {}
    for way, gateway in gateways.items():
        say(f"a tail, {way}")
        asked[way] = await _ask(gateway, streams)
    return asked


@contextmanager
def _gateway(way: str, simulator: SimulatorControl, cores: Cores, folder: Path) -> Iterator[Running]:
    model = {"litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    mapping = {
        "model_list": [{"model_name": "first", **model}, {"model_name": "second", **model}],
        "fallbacks": {"first": ["second"]},
        "settings": {"hedge": WAYS[way]},
    }
    name = way.replace(" ", "-")
    config, port = folder / f"{name}.json", free_port()
    config.write_text(json.dumps(mapping))
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(port)]
    command += ["--config", str(config)]
    extra, log = {"ROUTER_SIMULATOR_URL": simulator.url}, folder / f"{name}.log"
    with running(command, port=port, ready_path="/health", extra=extra, cores=cores.system, log=log) as gateway:
        yield gateway


async def _ask(gateway: Running, count: int) -> Asked:
    asked, left = Asked(), iter(range(count))
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def one_caller() -> None:
            for _ in left:
                await _stream(session, gateway.port, asked)

        await asyncio.gather(*(one_caller() for _ in range(CONCURRENCY)))
    return asked


async def _stream(session: aiohttp.ClientSession, port: int, asked: Asked) -> None:
    began, first, told = perf_counter(), None, None
    async with session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=QUESTION) as response:
        if response.status != 200:
            raise BenchError(f"answered {response.status}: {(await response.read())[:300]!r}")
        async for line in response.content:
            if first is None and line.startswith(b"data: {") and _has_text(line):
                first = perf_counter() - began
            if b'"router"' in line:
                told = json.loads(line.removeprefix(b"data: "))["router"]
    if first is None or told is None:
        raise BenchError("a stream ended without a token, or without what the router says of it")
    asked.first_tokens.append(first)
    asked.cost_usd += told["cost_usd"]
    asked.wasted_usd += told["wasted_usd"]
    asked.hedges += len(told["attempts"]) - 1
    usage = next(one["usage"] for one in told["attempts"] if one["outcome"] == "answered")
    asked.prompt_tokens += usage["prompt_tokens"]
    asked.answer_tokens += usage["completion_tokens"]


def _has_text(line: bytes) -> bool:
    return any(choice["delta"].get("content") for choice in json.loads(line.removeprefix(b"data: "))["choices"])
