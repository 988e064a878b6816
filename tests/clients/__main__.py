"""`python -m tests.clients [NAME ...]`: install the clients, let each show what it can, write docs/clients.md.

With names only these are run, the results are printed, and the page stays as it is.
"""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from tests.clients import isolation, table
from tests.clients.install import NotInstalledError, install
from tests.clients.places import CACHE, Client, clients
from tests.clients.running import Shown, prove, world

WORKERS = 2
"""Clients that are run at once, each worker's with a gateway of their own."""
_RESULTS = CACHE / "results.json"


def main(names: Sequence[str]) -> int:
    chosen = [client for client in clients() if not names or client.name in names]
    if unknown := set(names) - {client.name for client in chosen}:
        _say(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in clients())}")
        return 2
    if isolation.inside():
        isolation.start_loopback()
        _write(_run(chosen))
        return 0
    CACHE.mkdir(exist_ok=True)
    missing = [problem for client in chosen if (problem := _installed(client))]
    installed = [client for client in chosen if client.name not in {one.client for one in missing}]
    shown = [*missing, *_shown_inside(installed)]
    return _print(shown) if names else _publish(shown)


def _shown_inside(chosen: Sequence[Client]) -> list[Shown]:
    """Raises RuntimeError where the run itself broke down."""
    if not chosen:
        return []
    if code := isolation.run_inside([client.name for client in chosen]):
        raise RuntimeError(f"the clients could not be run: it ended with {code}")
    return [Shown(**one) for one in json.loads(_RESULTS.read_text(encoding="utf-8"))]


def _installed(client: Client) -> Shown | None:
    try:
        install(client)
    except NotInstalledError as why:
        return Shown(client.name, "", "not run", str(why))
    return None


def _run(chosen: Sequence[Client]) -> list[Shown]:
    waiting: queue.SimpleQueue[Client] = queue.SimpleQueue()
    for client in chosen:
        waiting.put(client)
    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(_work, waiting) for _ in range(min(WORKERS, len(chosen)))]
        return [one for worker in workers for one in worker.result()]


def _work(waiting: queue.SimpleQueue[Client]) -> list[Shown]:
    shown: list[Shown] = []
    with world() as where:
        while True:
            try:
                client = waiting.get_nowait()
            except queue.Empty:
                return shown
            found = prove(client, where)
            bad = sum(one.problem is not None for one in found)
            _say(f"clients: {client.name}: {len(found)} shown, {bad} not as they should be")
            shown += found


def _write(shown: Sequence[Shown]) -> None:
    _RESULTS.write_text(json.dumps([asdict(one) for one in shown]), encoding="utf-8")


def _print(shown: Sequence[Shown]) -> int:
    for one in shown:
        said = " ".join((one.problem or one.note or "yes").split())
        _say(f"{one.client:18}{one.face:28}{one.capability:14}{said[:400]}")
    return int(any(one.problem for one in shown))


def _publish(shown: Sequence[Shown]) -> int:
    before = table.on_the_page()
    gone = table.lost(before, table.written(clients(), shown))
    if again := [client for client in clients() if any(table.is_of(client, row) for row, _ in gone)]:
        # One machine runs two clients, two gateways and two simulators at once: each alone has more time.
        names = {client.name for client in again}
        _say(f"clients: once more, one after the other: {', '.join(sorted(names))}")
        alone = [found for client in again if _installed(client) is None for found in _shown_inside([client])]
        shown = [*(one for one in shown if one.client not in {found.client for found in alone}), *alone]
    after = table.written(clients(), shown)
    table.write(after)
    gone = table.lost(before, after)
    for row, capability in gone:
        _say(f"clients: no longer: {row}, {capability}")
    told = after.count(f" {table.YES} ")
    _say(f"clients: {told} capabilities shown, {len(gone)} lost; docs/clients.md is written")
    return int(bool(gone))


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
