"""A stream that broke is continued by another deployment: which messages it is sent, and how the texts are joined."""

from .resume import Seam, SentAnswer, is_structured, length_chunk

__all__ = ["Seam", "SentAnswer", "is_structured", "length_chunk"]
