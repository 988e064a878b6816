"""What interactive callers notice of batch that takes all it is given: their answers alone, and beside it.

    python -m bench --only-priorities [--quick]

One gateway in front of a simulated provider, with fewer places than batch would fill. Interactive callers ask it for as
many streams, alone and beside batch, in turn; more batch callers than have places and may wait ask without a pause, and
whoever is refused asks again after the Retry-After.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
from rich.table import Column, Table

from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.api.waiting import MOST_WAITING
from litellm_fallback_router.routing.callers import CallerKey, KeyEntry, Priority
from local.simulator import SimulatorControl, simulator_process

from .client import BenchError
from .processes import Cores, Running, free_port, running

LATENCY = 1.0
"""Seconds before a first token. Places are short here and processors are not: what the client and the simulated
provider take of theirs must not be what is measured."""
PLACES, SHARE = 40, 0.8
"""Requests that the gateway answers at once, and the share of them that batch may take."""
BATCH_CALLERS = int(PLACES * SHARE) + MOST_WAITING + 16
"""As many as have places, as may wait, and some that are refused."""
CALLERS = 8
"""Interactive ones: as many as the places that are kept for them."""
ROUNDS, QUICK_ROUNDS = 5, 1
REQUESTS = 160
"""Of a round, alone and beside batch each."""
SECONDS = 60.0
MS = 1e3
ALONE, BESIDE = "alone", "beside batch"
WAYS = (ALONE, BESIDE)
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Count to 20"}], "stream": True}


@dataclass(slots=True)
class Asked:
    """The interactive requests of one way in one round, and what batch got meanwhile."""

    answers: list[float] = field(default_factory=list)
    """Seconds until a stream had ended."""
    batch: Counter[int] = field(default_factory=Counter)
    """Batch requests by status."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Processor time of the gateway."""

    @property
    def p95(self) -> float:
        """Seconds within which 95 of 100 streams ended."""
        return percentile(self.answers, 0.95)


Round = dict[str, Asked]
"""By the names of `WAYS`."""


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest of `values` that is no less than this share of them."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def measure(cores: Cores, folder: Path, *, rounds: int, say: Callable[[str], None]) -> list[Round]:
    """Raises BenchError."""
    with simulator_process(latency=LATENCY) as simulator, _gateway(simulator, cores, folder) as gateway:
        asyncio.run(_ask(gateway, CALLERS))
        return [asyncio.run(_round(gateway, number, say)) for number in range(rounds)]


def ratios(measured: Sequence[Round]) -> list[float]:
    """The 95th percentile of interactive answers, beside batch against alone."""
    return [one[BESIDE].p95 / one[ALONE].p95 for one in measured]


HEAD = (
    *("interactive", "answer p50, ms", "p95, ms", "p99, ms"),
    *("batch answers/s", "batch refusals/s", "gateway's processor time, % of a core"),
)


def lines(measured: Sequence[Round]) -> list[list[str]]:
    """A row for each of `WAYS`, under `HEAD`: the medians over the rounds."""
    rows = []
    for way in WAYS:
        asked = [one[way] for one in measured]
        times = [median(percentile(one.answers, share) for one in asked) * MS for share in (0.5, 0.95, 0.99)]
        rates = [median(one.batch[status] / one.seconds for one in asked) for status in (200, 503)]
        busy = 100 * median(one.cpu_seconds / one.seconds for one in asked)
        rows.append([way, *(f"{number:.0f}" for number in (*times, *rates, busy))])
    return rows


def table(measured: Sequence[Round]) -> Table:
    shown = Table(HEAD[0], *(Column(name, justify="right") for name in HEAD[1:]))
    for row in lines(measured):
        shown.add_row(*row)
    return shown


def described(measured: Sequence[Round]) -> str:
    """What was asked, in a sentence."""
    return (
        f"{len(measured)} rounds of {REQUESTS} streams of {CALLERS} interactive callers, alone and beside "
        f"{BATCH_CALLERS} batch callers that ask without a pause. The gateway answers {PLACES} requests at once, "
        f"{int(PLACES * SHARE)} of them batch; {MOST_WAITING} more batch requests wait. The provider's first token "
        f"comes after {LATENCY * MS:.0f} ms. Client and provider share one core, the gateway has the other. "
        f"Where other programs need these cores too (the load below), that is what is measured: batch then gets far "
        f"fewer than {PLACES * SHARE / LATENCY:.0f} answers a second."
    )


async def _round(gateway: Running, number: int, say: Callable[[str], None]) -> Round:
    asked: Round = {}
    for way in WAYS if number % 2 == 0 else WAYS[::-1]:
        say(f"interactive {way}")
        if way == ALONE:
            asked[way] = await _ask(gateway, REQUESTS)
        else:
            async with _batch(gateway) as batch:
                before = Counter(batch)
                asked[way] = await _ask(gateway, REQUESTS)
                asked[way].batch = batch - before
    if not asked[BESIDE].batch[503]:
        raise BenchError("batch did not fill its places: nobody was refused")
    return asked


@asynccontextmanager
async def _batch(gateway: Running) -> AsyncIterator[Counter[int]]:
    """Batch requests so far, by status; from the start there are more than have places and may wait."""
    statuses: Counter[int] = Counter()
    refused = asyncio.Event()
    async with _session(Priority.BATCH) as session:

        async def one_caller() -> None:
            while True:
                async with session.post(_url(gateway), json=QUESTION) as response:
                    await response.read()
                    statuses[response.status] += 1
                if response.status != 200:
                    refused.set()
                    await asyncio.sleep(float(response.headers.get("retry-after", "1")))

        callers = [asyncio.create_task(one_caller()) for _ in range(BATCH_CALLERS)]
        try:
            async with asyncio.timeout(SECONDS):
                await refused.wait()
            yield statuses
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.wait(callers)


async def _ask(gateway: Running, count: int) -> Asked:
    asked, left = Asked(), iter(range(count))
    async with _session(Priority.INTERACTIVE) as session:

        async def one_caller() -> None:
            for _ in left:
                sent = perf_counter()
                async with session.post(_url(gateway), json=QUESTION) as response:
                    body = await response.read()
                if response.status != 200 or not body.rstrip().endswith(b"[DONE]"):
                    raise BenchError(f"an interactive request was answered {response.status}: {body[:300]!r}")
                asked.answers.append(perf_counter() - sent)

        began, used = perf_counter(), gateway.cpu_seconds
        await asyncio.gather(*(one_caller() for _ in range(CALLERS)))
        asked.seconds, asked.cpu_seconds = perf_counter() - began, gateway.cpu_seconds - used
    return asked


def _url(gateway: Running) -> str:
    return f"http://127.0.0.1:{gateway.port}/v1/chat/completions"


def _session(priority: Priority) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"authorization": f"Bearer {_key(priority)}"},
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        connector=aiohttp.TCPConnector(limit=0),
    )


def _key(priority: Priority) -> str:
    return f"bench-{priority.value}"


@contextmanager
def _gateway(simulator: SimulatorControl, cores: Cores, folder: Path) -> Iterator[Running]:
    model = {"model_name": "gpt-4o", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    settings = {"max_concurrent": PLACES, "batch_share": SHARE}
    config, keys, port = folder / "priorities.json", folder / "keys.json", free_port()
    config.write_text(json.dumps({"model_list": [model], "settings": settings}))
    write_keys(
        keys,
        [
            KeyEntry(CallerKey(one.value, priority=one), hashlib.sha256(_key(one).encode()).hexdigest(), created_at=1)
            for one in Priority
        ],
    )
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", str(port)]
    command += ["--config", str(config)]
    extra, log = {"ROUTER_SIMULATOR_URL": simulator.url, "GATEWAY_KEYS_FILE": str(keys)}, folder / "priorities.log"
    with running(command, port=port, ready_path="/health", extra=extra, cores=cores.system, log=log) as gateway:
        yield gateway
