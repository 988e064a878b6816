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
    installed = [client.name for client in chosen if client.name not in {one.client for one in missing}]
    if code := isolation.run_inside(installed) if installed else 0:
        return code
    shown = [*missing, *(_read() if installed else [])]
    return _publish(shown) if not names else _print(shown)


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


def _read() -> list[Shown]:
    return [Shown(**one) for one in json.loads(_RESULTS.read_text(encoding="utf-8"))]


def _print(shown: Sequence[Shown]) -> int:
    for one in shown:
        said = " ".join((one.problem or one.note or "yes").split())
        _say(f"{one.client:18}{one.face:28}{one.capability:14}{said[:400]}")
    return int(any(one.problem for one in shown))


def _publish(shown: Sequence[Shown]) -> int:
    before, after = table.on_the_page(), table.written(clients(), shown)
    table.write(after)
    gone = table.lost(before, after)
    for one in gone:
        _say(f"clients: no longer: {one}")
    told = after.count(f" {table.YES} ")
    _say(f"clients: {told} capabilities shown, {len(gone)} lost; docs/clients.md is written")
    return int(bool(gone))


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
