"""Imports litellm once, with everything it would do on its own switched off."""

from __future__ import annotations

import functools
import logging
import os
from typing import Any


@functools.cache
def litellm() -> Any:
    """The library. The first call takes seconds; call `warm_up` in a thread to keep an event loop free."""
    # Without this the import fetches a price map from the internet, with retries.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm as library  # noqa: PLC0415 - deferred on purpose: it costs seconds

    library.suppress_debug_info = True
    library.telemetry = False
    library.turn_off_message_logging = True
    library.drop_params = True
    library.modify_params = True
    library.num_retries = 0
    _no_second_send(library)
    # Its logger quotes requests and answers; ours says what an operator needs without them.
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return library


def _no_second_send(library: Any) -> None:
    """With `drop_params`, LiteLLM sends a request that got a 422 from an OpenAI-compatible server a second time, and
    answers None when that fails too. An attempt is one request, so the error is raised instead. The failure
    table's test of a 422 fails when an upgrade moves this.
    """

    def give_up(error: Exception, data: object) -> None:
        raise error

    library.llms.openai.openai.drop_params_from_unprocessable_entity_error = give_up


def warm_up() -> None:
    """Import litellm now."""
    litellm()
