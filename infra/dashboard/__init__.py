"""The dashboard: is it up, who is answering, why it fell back, how slow, how much, and what failed last."""

from .dashboard import Dashboard

__all__ = ["Dashboard"]
