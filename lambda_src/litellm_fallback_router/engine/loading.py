"""Imports litellm once, with everything it would do on its own switched off."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
from typing import Any

from ..collector import gc_paused
from . import names


@functools.cache
def litellm() -> Any:
    """The library. The first call takes seconds; call `warm_up` in a thread to keep an event loop free."""
    # Without this the import fetches a price map from the internet, with retries.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # And without this the first request with an `anthropic-beta` header fetches from there which of them to send, on
    # the event loop, for up to five seconds (litellm/anthropic_beta_headers_manager.py).
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    with gc_paused():
        import litellm as library  # noqa: PLC0415 - deferred on purpose: it costs seconds

        from .acompletion.mending import mend  # noqa: PLC0415 - of no use before

    names.check(library)
    library.suppress_debug_info = True
    library.turn_off_message_logging = True
    library.drop_params = True
    # Adaptation makes a request fit an API, and reports it; LiteLLM would invent messages.
    library.modify_params = False
    library.num_retries = 0
    # Else it downloads a tokenizer to count a Llama's prompt, in the event loop, again for each request where it can't.
    library.disable_hf_tokenizer_download = True
    # Its logger quotes requests and answers; ours does without them.
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    mend(library)
    return library


def chat_config(model: str, provider: str) -> Any:
    """LiteLLM's class for chats with a provider's model. Raises ValueError for a provider that it has no name for."""
    library = litellm()
    return library.utils.ProviderConfigManager.get_provider_chat_config(
        model=model, provider=library.LlmProviders(provider)
    )


def warm_up() -> None:
    """Import litellm now."""
    litellm()


def bedrock_streams() -> None:
    """Read what Bedrock's streams are decoded by, a service model of botocore's: LiteLLM does so inside the first
    stream, on its event loop (0.1 s)."""
    formats = importlib.import_module("litellm.llms.bedrock.common_utils")
    if (shape := getattr(formats, "get_bedrock_response_stream_shape", None)) is not None:
        shape()


async def close_clients() -> None:
    """Close the connections to the providers and forget the AWS credentials; the next call makes its own anew."""
    library = litellm()
    await library.close_litellm_async_clients()
    # Made on first use and kept outside the cache: Anthropic's streams go through it.
    if (shared := vars(library).pop("module_level_aclient", None)) is not None:
        await shared.close()
    # Left there, a closed client would be given to the next call.
    library.in_memory_llm_clients_cache.flush_cache()
    if aws := sys.modules.get("litellm.llms.bedrock.base_aws_llm"):
        aws.BaseAWSLLM._shared_iam_cache.flush_cache()
