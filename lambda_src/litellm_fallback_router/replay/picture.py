"""Summaries side by side as a picture: an SVG without scripts, fonts or libraries."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from .summary import Summary, usd_text

PANEL, HEIGHT, BAR = 230, 250, 46
COLOURS = ("#8a949e", "#0072b2", "#009e73")
"""Of Okabe and Ito's palette, told apart by who sees red and green alike."""


def draw(summaries: Mapping[str, Summary], title: str) -> str:
    """Draw failures, the slowest answers, dollars and waste of up to three summaries."""
    panels = {
        "failed requests": {name: (float(s.failures), f"{s.failures}") for name, s in summaries.items()},
        "p99 to the end of the answer": {name: (s.p99, f"{s.p99:.2f} s") for name, s in summaries.items()},
        "US dollars": {name: (s.usd, usd_text(s.usd)) for name, s in summaries.items()},
        "of it wasted": {name: (s.wasted_usd, usd_text(s.wasted_usd)) for name, s in summaries.items()},
    }
    width = PANEL * len(panels) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 60}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="#1f2933"><title>{escape(title)}</title>',
        f'<rect width="{width}" height="{HEIGHT + 60}" fill="#ffffff"/>',
        f'<text x="20" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (heading, values) in enumerate(panels.items()):
        parts += _panel(20 + number * PANEL, heading, values)
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: int, heading: str, values: Mapping[str, tuple[float, str]]) -> list[str]:
    most, floor = max((value for value, _ in values.values()), default=0.0) or 1.0, HEIGHT
    parts = [f'<text x="{left}" y="56" font-weight="bold">{escape(heading)}</text>']
    for number, (name, (value, words)) in enumerate(values.items()):
        tall, x = max(1.0, (floor - 100) * value / most), left + number * (BAR + 14)
        middle, colour = x + BAR / 2, COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{x}" y="{floor - tall:.1f}" width="{BAR}" height="{tall:.1f}" fill="{colour}"/>')
        parts.append(f'<text x="{middle}" y="{floor - tall - 6:.1f}" text-anchor="middle">{escape(words)}</text>')
        parts.append(f'<text x="{middle}" y="{floor + 18}" text-anchor="middle">{escape(name)}</text>')
    return parts
