"""LiteLLM as the provider layer: wire formats and prices. The only importer of litellm.

Its retries, fallbacks and callbacks are off: the chain is ours. `litellm` is imported on first use, since that
takes seconds.
"""

from .provider import LiteLLMProvider

__all__ = ["LiteLLMProvider"]
