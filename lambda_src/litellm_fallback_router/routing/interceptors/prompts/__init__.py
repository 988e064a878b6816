"""Managed prompts, filled in and put before a request."""

from .application import PromptInterceptor
from .template import PromptTemplate

__all__ = ["PromptInterceptor", "PromptTemplate"]
