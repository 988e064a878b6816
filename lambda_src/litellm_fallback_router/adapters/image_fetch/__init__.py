"""Images fetched for callers, where an operator lets them be (`fetch_images`)."""

from .fetcher import ImageFetcher

__all__ = ["ImageFetcher"]
