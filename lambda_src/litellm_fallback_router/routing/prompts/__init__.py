"""Managed prompts, filled in and put before a request."""

from .application import apply_prompt
from .template import PromptTemplate

__all__ = ["PromptTemplate", "apply_prompt"]
