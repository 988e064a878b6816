"""What was spent each day as a picture: stacked bars in SVG, drawn without any library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 960, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 250, 56, 40
"""Pixels around the bars; the legend stands on the right."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4fa3")
"""Colours of Okabe and Ito's palette, told apart by who sees red and green alike."""
REST, REST_COLOUR = "others", "#8a949e"
INK, GRID = "#1f2933", "#e4e8ec"
LONGEST = 32
"""Characters of a name in the legend."""


def draw(bars: Mapping[str, Mapping[str, float]], days: Sequence[str], title: str) -> str:
    """`bars`: USD by name and day."""
    parts = _largest(bars)
    totals = [sum(amounts.get(day, 0.0) for amounts in parts.values()) for day in days]
    top = _round_up(max(totals, default=0.0))
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 26, f"US dollars a day: {title}", size=16),
        *_grid(top),
        *_bars(parts, days, top),
        *_dates(days),
        *_legend(parts),
        "</svg>",
    ]
    return "\n".join(shapes) + "\n"


def _largest(bars: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The dearest names; what is beyond the colours is put together."""
    order = sorted(bars, key=lambda name: (-sum(bars[name].values()), name))
    parts = {name: dict(bars[name]) for name in order[: len(COLOURS)]}
    rest: dict[str, float] = {}
    for name in order[len(COLOURS) :]:
        for day, usd in bars[name].items():
            rest[day] = rest.get(day, 0.0) + usd
    return parts | ({REST: rest} if rest else {})


def _round_up(most: float) -> float:
    """The least of 1, 2, 5, 10 ... times a power of ten that is not below `most`."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def _y(usd: float, top: float) -> float:
    return HEIGHT - BOTTOM - usd / top * (HEIGHT - TOP - BOTTOM)


def _grid(top: float) -> list[str]:
    lines = []
    for step in range(6):
        usd = top * step / 5
        y = _y(usd, top)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        lines.append(_text(LEFT - 8, y + 4, f"{usd:.6g}", anchor="end"))
    return lines


def _bars(parts: Mapping[str, Mapping[str, float]], days: Sequence[str], top: float) -> list[str]:
    shapes = []
    room = (WIDTH - LEFT - RIGHT) / max(1, len(days))
    for index, day in enumerate(days):
        below = 0.0
        for colour, (name, amounts) in zip(_colours(), parts.items(), strict=False):
            usd = amounts.get(day, 0.0)
            if usd <= 0:
                continue
            y, height = _y(below + usd, top), _y(below, top) - _y(below + usd, top)
            fill = REST_COLOUR if name == REST else colour
            x = LEFT + room * (index + 0.1)
            shapes.append(
                f'<rect x="{x:.1f}" y="{y:.2f}" width="{room * 0.8:.1f}" height="{height:.2f}" fill="{fill}">'
                f"<title>{escape(f'{day} {name}: {usd:.6g} USD')}</title></rect>"
            )
            below += usd
    return shapes


def _colours() -> tuple[str, ...]:
    return (*COLOURS, REST_COLOUR)


def _dates(days: Sequence[str]) -> list[str]:
    """So many that they do not run into each other."""
    every = max(1, math.ceil(len(days) / 9))
    room = (WIDTH - LEFT - RIGHT) / max(1, len(days))
    return [
        _text(LEFT + room * (index + 0.5), HEIGHT - BOTTOM + 18, day[5:], anchor="middle")
        for index, day in enumerate(days)
        if index % every == 0
    ]


def _legend(parts: Mapping[str, Mapping[str, float]]) -> list[str]:
    shapes = []
    for index, (colour, (name, amounts)) in enumerate(zip(_colours(), parts.items(), strict=False)):
        y, x = TOP + 22 * index, WIDTH - RIGHT + 20
        fill = REST_COLOUR if name == REST else colour
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
        shapes.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{fill}"/>')
        shapes.append(_text(x + 18, y + 11, f"{short} {sum(amounts.values()):.4g}"))
    return shapes


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
