"""The function of the synthesized stack in a container, through the SAM command line."""

from __future__ import annotations


class CannotRunError(Exception):
    """Something that SAM needs is missing. The text says what, and the fix."""
