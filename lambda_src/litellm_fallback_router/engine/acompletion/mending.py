"""All that is mended in LiteLLM's public call."""

from __future__ import annotations

import atexit
from typing import Any

from .cancelling import track_coroutine
from .leftovers import count_no_tokens, keep_once, leave_closed_loops, no_gateway_tools, no_orphans
from .outbound import no_fetches, no_redirects, no_second_send
from .reading_along import read_along


def mend(library: Any) -> None:
    """Do it, once."""
    no_second_send(library)
    no_redirects(library)
    no_fetches(library)
    no_orphans(library.litellm_core_utils.logging_worker.LoggingWorker)
    read_along(library)
    keep_once(library)
    count_no_tokens(library)
    no_gateway_tools(library)
    library.main.completion = track_coroutine(library.main.completion)
    # Sessions that nobody closed would complain when the interpreter ends.
    atexit.register(leave_closed_loops, library)
