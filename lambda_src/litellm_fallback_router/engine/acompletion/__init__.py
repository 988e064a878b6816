"""LiteLLM's public call, for what the engine has no format for.

Its retries, fallbacks and callbacks are off: the chain is ours. What it gets wrong on the way is mended here.
"""
