"""Asks providers: LiteLLM's formats, our connections.

A request is built and an answer read by LiteLLM's own class for the provider's format, or as JSON where the format is
the callers' own. What lies between is ours: the connections, and what their failures mean.
"""

from .provider import Engine

__all__ = ["Engine"]
