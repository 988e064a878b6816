"""Answers that are given again to equal requests."""

from .interceptor import CacheInterceptor

__all__ = ["CacheInterceptor"]
