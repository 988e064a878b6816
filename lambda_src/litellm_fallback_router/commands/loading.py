"""LiteLLM, loaded while Ctrl-C still ends the command at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

from .. import bootstrap


async def loaded() -> None:
    """Import LiteLLM, which takes seconds, in a thread that nobody waits for: at its end `asyncio.run` waits for the
    threads of its own pool, so that an interrupted command would hang until the import is done."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def load() -> None:
        try:
            bootstrap.warm_up()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=load, name="loading", daemon=True).start()
    await asyncio.wrap_future(done)
