"""The standings as a picture: quality against cost, and quality against latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from .standings import Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import BboxBase

INK, QUIET, FRONT = "#1f2933", "#8a949e", "#c4ccd4"
_LOOKS = {"openai": ("#009e73", "o"), "anthropic": ("#d55e00", "^"), "bedrock": ("#0072b2", "s")}
"""Colour and shape of each provider: colours of Okabe and Ito's palette, told apart by who sees red and green alike."""
_OTHERS = ("#7a4fa3", "D")
"""Of any other provider."""
_DECADE = 8.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class _Point:
    x: float
    quality: float
    name: str
    provider: str


def draw(places: Sequence[Standing], *, title: str, quality: str) -> bytes:
    """A PNG. `quality`: what the quality is, for its axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    scored = [one for one in places if one.quality is not None and one.answered]
    figure = Figure(figsize=(12.5, 5.6), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.25, h_pad=0.12)  # type: ignore[union-attr, call-arg] # constrained has both
    left, right = figure.subplots(1, 2, sharey=True)
    figure.suptitle(title, x=0.02, ha="left", fontsize=15, fontweight="bold", color=INK)
    costs = [_point(one, one.usd_per_1000) for one in scored if one.usd_per_1000 is not None]
    times = [_point(one, one.p50_seconds) for one in scored if one.p50_seconds is not None]
    _panel(left, costs, "US dollars for 1,000 answers", "$")
    _panel(right, times, "seconds to the whole answer (median)", "")
    left.set_ylabel(f"quality: {quality}", color=INK)
    providers = dict.fromkeys(one.provider for one in (*costs, *times))
    for provider in providers:
        colour, shape = _LOOKS.get(provider, _OTHERS)
        right.scatter([], [], s=70, color=colour, marker=shape, label=provider)
    right.plot([], [], color=FRONT, linewidth=2, label="nobody better for less")
    figure.legend(loc="outside upper right", ncols=len(providers) + 1, frameon=False, labelcolor=INK, fontsize=9.5)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _point(place: Standing, x: float | None) -> _Point:
    return _Point(x or 0.0, place.quality or 0.0, place.model.deployment, place.model.label.partition(":")[0])


def _panel(axes: Axes, points: Sequence[_Point], label: str, unit: str) -> None:
    axes.set_xlabel(label, color=INK)
    axes.set_facecolor("white")
    axes.grid(color="#eceff2", linewidth=1)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FRONT)
    axes.tick_params(colors=QUIET, labelcolor=INK, length=0, which="both")
    if not points:
        axes.text(0.5, 0.5, "unknown", transform=axes.transAxes, ha="center", color=QUIET)
        axes.set_xticks([])
        return
    _scale(axes, points, unit)
    front = frontier(points)
    axes.step([p.x for p in front], [p.quality for p in front], where="post", color=FRONT, linewidth=2, zorder=1)
    for point in points:
        colour, shape = _LOOKS.get(point.provider, _OTHERS)
        axes.scatter(
            point.x, point.quality, s=85, color=colour, marker=shape, edgecolor="white", linewidth=1.2, zorder=3
        )
    _annotate(axes, points)


def _scale(axes: Axes, points: Sequence[_Point], unit: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter  # noqa: PLC0415 - as above

    values = [point.x for point in points]
    low, high = min(values), max(values)
    decimals = 2
    if low > 0 and high / low >= _DECADE:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.8, high * 2.6)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        room = max(high - low, high / 20) or 1.0
        axes.set_xlim(max(0.0, low - 0.18 * room), high + 0.5 * room)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        decimals = max(2, 1 - math.floor(math.log10(room)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{unit}{_number(x, decimals)}"))
    qualities = [point.quality for point in points]
    room = max(qualities) - min(qualities) or 0.1
    axes.set_ylim(max(-0.02, min(qualities) - 0.2 * room), min(1.05, max(qualities) + 0.25 * room))


def _number(x: float, decimals: int) -> str:
    return f"{x:.{decimals}f}" if decimals > 2 or 0.01 <= x < 10 else f"{x:,.4g}"


def frontier(points: Sequence[_Point]) -> list[_Point]:
    """The points than which none is both better and cheaper, cheapest first."""
    best = float("-inf")
    front = []
    for point in sorted(points, key=lambda p: (p.x, -p.quality)):
        if point.quality > best:
            best = point.quality
            front.append(point)
    return front


def _annotate(axes: Axes, points: Sequence[_Point]) -> None:
    """Each name beside its point, at the first place where it covers no other name or point."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - as above

    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101 - for mypy: these axes are a figure's
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # Agg's canvas has one
    spots: list[tuple[float, float, list[_Point]]] = []
    for point in sorted(points, key=lambda p: -p.quality):
        x, y = axes.transData.transform((point.x, point.quality))
        together = next((group for gx, gy, group in spots if abs(gx - x) < _DOT and abs(gy - y) < _DOT), None)
        if together is None:
            spots.append((x, y, [point]))
        else:
            together.append(point)
    dots = [axes.transData.transform((point.x, point.quality)) for point in points]
    frame = axes.get_window_extent(renderer)
    taken: list[BboxBase] = []
    for _, _, group in spots:
        for dx, dy, across, down in _PLACES:
            name = axes.annotate(
                "\n".join(point.name for point in group),
                (group[0].x, group[0].quality),
                xytext=(dx, dy),
                textcoords="offset points",
                ha=across,
                va=down,
                fontsize=9.5,
                color=INK,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
            box = name.get_window_extent(renderer)
            around = box.padded(_CLEARANCE)
            covers = any(box.overlaps(other) for other in taken) or any(around.contains(x, y) for x, y in dots)
            if (not covers and frame.x0 <= box.x0 and box.x1 <= frame.x1) or dy == _PLACES[-1][1]:
                taken.append(box)
                break
            name.remove()


_DOT = 14.0
"""Pixels between dots that are told apart."""
_CLEARANCE = 9.0
"""Pixels between a name and a dot's middle, beyond the name's own box."""
_PLACES = (
    *((8.0, -4.0, "left", "top"), (8.0, 4.0, "left", "bottom"), (-8.0, 4.0, "right", "bottom")),
    *((-8.0, -4.0, "right", "top"), (0.0, 9.0, "center", "bottom"), (0.0, -9.0, "center", "top")),
    *((8.0, -17.0, "left", "top"), (8.0, 17.0, "left", "bottom"), (-8.0, 17.0, "right", "bottom")),
    (-8.0, -18.0, "right", "top"),
)
"""Where a name may stand, in points from its dot, best first: below to the right no line runs."""
