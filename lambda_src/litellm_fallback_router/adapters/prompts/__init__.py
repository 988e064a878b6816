"""Amazon Bedrock Prompt Management: prompts that are written and versioned in AWS."""

from __future__ import annotations

from .client import reader
from .kept import ManagedPrompts

__all__ = ["ManagedPrompts", "reader"]
