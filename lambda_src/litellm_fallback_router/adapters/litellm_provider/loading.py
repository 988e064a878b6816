"""Imports litellm once, with everything it would do on its own switched off."""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import Any

from ...collector import resting
from .cancelling import noting


@functools.cache
def litellm() -> Any:
    """The library. The first call takes seconds; call `warm_up` in a thread to keep an event loop free."""
    # Without this the import fetches a price map from the internet, with retries.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with resting():
        import litellm as library  # noqa: PLC0415 - deferred on purpose: it costs seconds

    library.suppress_debug_info = True
    library.telemetry = False
    library.turn_off_message_logging = True
    library.drop_params = True
    library.modify_params = True
    library.num_retries = 0
    _no_second_send(library)
    _no_orphans(library.litellm_core_utils.logging_worker.LoggingWorker)
    _no_made_up_finish(library)
    library.main.completion = noting(library.main.completion)
    # Its logger quotes requests and answers; ours says what an operator needs without them.
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return library


def _no_second_send(library: Any) -> None:
    """An attempt is one request. LiteLLM sends a second one in two places, whatever it is told about retries:
    after a 422 from an OpenAI-compatible server (and then answers None), and after a lost connection.

    Both are replaced by raising what happened. The tests of the failure table count the requests a provider got,
    and fail when an upgrade moves these.
    """

    def raise_unprocessable(error: Exception, data: object) -> None:
        raise error

    async def raise_lost_connection(self: object, **request: object) -> None:
        raise  # noqa: PLE0704 - called from the handler of the exception it raises again

    library.llms.openai.openai.drop_params_from_unprocessable_entity_error = raise_unprocessable
    handler = library.llms.custom_httpx.http_handler.AsyncHTTPHandler
    handler.single_connection_post_request = raise_lost_connection


def _no_orphans(worker: Any) -> None:
    """LiteLLM has one worker for its reports, on one event loop. When a call comes from another loop the worker moves
    there and drops its task on the first without ending it, over which Python complains on stderr: "Task was
    destroyed but it is pending!". Scripts that use `complete_sync` and async code do that. So the task is ended.
    """
    move = worker._ensure_queue

    def move_and_end(self: Any) -> None:
        before = self._worker_task
        move(self)
        if before is not None and self._worker_task is None and not before.get_loop().is_closed():
            before.get_loop().call_soon_threadsafe(before.cancel)

    worker._ensure_queue = move_and_end


def _no_made_up_finish(library: Any) -> None:
    """LiteLLM gives a whole answer of Anthropic's without a stop reason a `stop`; it is no answer, as in a stream.

    Bedrock's without a stopReason is an error already.
    """
    anthropic = library.llms.anthropic.chat.transformation
    mapped = anthropic.map_finish_reason

    def reason_of(said: str | None) -> Any:
        if said is None:
            raise KeyError("stop_reason")
        return mapped(said)

    anthropic.map_finish_reason = reason_of


def warm_up() -> None:
    """Import litellm now."""
    litellm()


async def let_go() -> None:
    """Close the connections to the providers and forget the AWS credentials; the next call makes its own anew."""
    library = litellm()
    await library.close_litellm_async_clients()
    # Made on first use and kept outside the cache: Anthropic's streams go through it.
    if (shared := vars(library).pop("module_level_aclient", None)) is not None:
        await shared.close()
    # Left there, a closed client would be handed to whoever asks next.
    library.in_memory_llm_clients_cache.flush_cache()
    if aws := sys.modules.get("litellm.llms.bedrock.base_aws_llm"):
        aws.BaseAWSLLM._shared_iam_cache.flush_cache()
