"""The dashboard as a picture: each widget of its body at its place in CloudWatch's grid of 24 columns."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.infrastructure.picture.night import NOW
from tests.infrastructure.picture.samples import ALARMS_RINGING, RANGES, Series, numbers, series
from tests.infrastructure.picture.tables import rows
from tests.infrastructure.stack.dashboards import Widget

COLUMN, ROW, MARGIN = 0.80, 0.50, 0.30
"""Inches of the grid, and of the page around it."""
TOP = 0.75
"""Inches above the first widget, for what the picture is."""
DPI = 100
DIGEST = "Description"
"""Where a picture says in its metadata what it is of."""
INK, QUIET, EDGE, PAGE, RED, GREEN = "#16191f", "#687078", "#d5dbdb", "#f2f3f3", "#d13212", "#1d8102"
COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    *("#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5", "#c49c94", "#f7b6d2", "#c7c7c7"),
)
"""As the console has them, in the order of the lines."""
SIZE = 8.0
TITLE = "CloudWatch dashboard of a stage, at 03:45 UTC: OpenAI has been down since 03:00. Every number is a sample."


class Picture:
    """Draws on one page."""

    def __init__(self, widgets: Sequence[Widget]) -> None:
        self._widgets = widgets
        rows = max(one.y + one.height for one in widgets)
        self._width, self._height = 24 * COLUMN + 2 * MARGIN, rows * ROW + TOP + MARGIN
        self.figure = Figure(figsize=(self._width, self._height), dpi=DPI, facecolor=PAGE)
        FigureCanvasAgg(self.figure)
        self._write(MARGIN, 0.42, TITLE, size=13, weight="bold")
        kinds: dict[str, Callable[[Widget], None]] = {
            "text": self._heading,
            "alarm": self._alarms,
            "metric": self._metric,
            "log": self._table,
        }
        for widget in widgets:
            kinds[widget.type](widget)

    def png(self) -> bytes:
        """The picture as a file."""
        drawn, small = BytesIO(), BytesIO()
        self.figure.savefig(drawn, format="png")
        said = PngInfo()
        said.add_text(DIGEST, digest(self._widgets))
        Image.open(drawn).convert("RGB").quantize(256).save(small, format="png", optimize=True, pnginfo=said)
        return small.getvalue()

    def texts(self) -> list[str]:
        """All that can be read in it."""
        found = self.figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
        return [one.get_text() for one in found if isinstance(one, Text) and one.get_text()]

    def _heading(self, widget: Widget) -> None:
        left, top = self._corner(widget)
        self._write(left + 0.02, top + 0.36, widget.title.removeprefix("## "), size=12.5, weight="bold")

    def _alarms(self, widget: Widget) -> None:
        self._card(widget)
        left, top = self._corner(widget)
        names = [re.sub(r"<Alarms(\w+)[0-9A-F]{8}\.Arn>", r"\1", one) for one in widget.properties["alarms"]]
        columns, width = 2, (widget.width * COLUMN - 0.6) / 2
        height = min(0.33, (widget.height * ROW - 0.75) / -(-len(names) // columns) - 0.08)
        for number, name in enumerate(names):
            x = left + 0.2 + (number % columns) * (width + 0.1)
            y = top + 0.55 + (number // columns) * (height + 0.08)
            rings = name in ALARMS_RINGING
            self._box((x, y), (width, height), RED if rings else GREEN, RED if rings else GREEN)
            self._write(x + 0.1, y + height / 2, name, size=8.5, color="white", weight="bold", va="center_baseline")
            state = "in alarm" if rings else "OK"
            self._write(x + width - 0.1, y + height / 2, state, size=8, color="white", ha="right", va="center_baseline")

    def _metric(self, widget: Widget) -> None:
        self._card(widget)
        if widget.properties["view"] == "singleValue":
            self._numbers(widget)
        else:
            self._graph(widget)

    def _numbers(self, widget: Widget) -> None:
        left, top = self._corner(widget)
        found = numbers(widget)
        for place, (label, value) in enumerate(found):
            x = left + 0.3 + (place % 2) * widget.width * COLUMN / 2
            y = top + 1.25 + (place // 2) * 1.1
            self._write(x, y, _number(label, value), size=23)
            self._write(x, y + 0.3, label, size=9.5, color=QUIET)

    def _graph(self, widget: Widget) -> None:
        lines = series(widget)
        columns = 1 if len(lines) == 1 else 3 if widget.width > 8 or len(lines) <= 4 or len(lines) > 10 else 2
        high = -(-len(lines) // columns)
        below = 0.34 + 0.145 * high
        left, top = self._corner(widget)
        height = widget.height * ROW - 0.1 - 0.5 - below
        axes = self._axes(left + 0.62, top + 0.46, widget.width * COLUMN - 0.1 - 0.85, height)
        self._lines(axes, widget, lines)
        self._thresholds(axes, widget)
        _dress(axes, widget)
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.5 / (widget.width * COLUMN - 0.95), -0.21 / height),
            ncols=columns,
            frameon=False,
            fontsize=6.6 if columns > 1 and len(lines) > 4 else SIZE,
            labelcolor=INK,
            handlelength=0.9,
            handletextpad=0.4,
            columnspacing=1.0,
            labelspacing=0.22,
            borderpad=0,
        )

    def _lines(self, axes: Axes, widget: Widget, lines: list[Series]) -> None:
        colours = [COLOURS[number % len(COLOURS)] for number in range(len(lines))]
        if widget.properties["stacked"]:
            values = [line.values for line in lines]
            axes.stackplot(lines[0].times, values, labels=[one.label for one in lines], colors=colours, alpha=0.75)
            return
        for line, colour in zip(lines, colours, strict=True):
            few = sum(not math.isnan(value) for value in line.values) < 26
            axes.plot(line.times, line.values, "o-" if few else "-", color=colour, label=line.label, lw=1.4, ms=3)

    def _thresholds(self, axes: Axes, widget: Widget) -> None:
        for value, label in widget.thresholds:
            axes.axhline(value, color=RED, linewidth=1.1, linestyle=(0, (4, 2)))
            start = NOW - RANGES[widget.properties.get("start")]
            axes.annotate(
                label, (start, value), (3, 3), textcoords="offset points", fontsize=SIZE - 0.5, color=RED, va="bottom"
            )

    def _table(self, widget: Widget) -> None:
        self._card(widget)
        left, top = self._corner(widget)
        names = columns_of(widget.properties["query"])
        found = rows(widget)
        lengths = [max(len(name), *(len(row[name]) for row in found)) + 2 for name in names]
        scale = (widget.width * COLUMN - 0.5) / max(sum(lengths), 70)
        y = top + 0.72
        for number, row in enumerate([dict(zip(names, names, strict=True)), *found]):
            x = left + 0.2
            for name, length in zip(names, lengths, strict=True):
                head = number == 0
                self._write(x, y, row[name], size=8, color=QUIET if head else INK, weight="bold" if head else "normal")
                x += length * scale
            y += 0.27

    def _card(self, widget: Widget) -> None:
        left, top = self._corner(widget)
        width, height = widget.width * COLUMN - 0.1, widget.height * ROW - 0.1
        self._box((left, top), (width, height), "white", EDGE)
        self._write(left + 0.15, top + 0.28, widget.title, size=9.5, weight="bold")

    def _corner(self, widget: Widget) -> tuple[float, float]:
        return MARGIN + widget.x * COLUMN, TOP + widget.y * ROW

    def _box(self, corner: tuple[float, float], size: tuple[float, float], face: str, edge: str) -> None:
        """In inches from the left and the top."""
        (x, y), (width, height) = corner, size
        style = "round,pad=0,rounding_size=0.05"
        patch = FancyBboxPatch(
            (x, self._height - y - height),
            width,
            height,
            boxstyle=style,
            facecolor=face,
            edgecolor=edge,
            linewidth=0.8,
            transform=self.figure.dpi_scale_trans,
        )
        self.figure.add_artist(patch)

    def _write(self, x: float, y: float, text: str, *, size: float, **looks: str) -> None:
        looks = {"color": INK, "va": "baseline", **looks}
        self.figure.text(x / self._width, 1 - y / self._height, text, fontsize=size, parse_math=False, **looks)  # type: ignore[arg-type] # looks are texts

    def _axes(self, x: float, y: float, width: float, height: float) -> Axes:
        bottom = self._height - y - height
        return self.figure.add_axes(
            (x / self._width, bottom / self._height, width / self._width, height / self._height), zorder=2
        )


def digest(widgets: Sequence[Widget]) -> str:
    """Of all that a picture has from the dashboard's body: it is out of date where this is another."""
    shown = [
        (
            one.type,
            one.title,
            (one.x, one.y, one.width, one.height),
            [(line.name, sorted(line.dimensions), line.statistic, line.period, line.label) for line in one.lines],
            [formula.label for formula in one.formulas],
            one.thresholds,
            columns_of(one.properties["query"]) if one.type == "log" else one.properties.get("alarms"),
            one.properties.get("start"),
        )
        for one in widgets
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def columns_of(query: str) -> list[str]:
    """What a query of the log answers with."""
    parts = [command.partition(" ") for command in re.split(r"\s\| ", query)[1:]]
    commands = {name: rest for name, _, rest in parts}
    if "stats" not in commands:
        return commands["fields"].split(", ")
    sums, _, by = commands["stats"].partition(" by ")
    return [by, *re.findall(r" as (\w+)", sums)]


def _dress(axes: Axes, widget: Widget) -> None:
    back = RANGES[widget.properties.get("start")]
    axes.set_facecolor("white")
    axes.set_xlim(NOW - back, NOW)
    axes.set_ylim(0, max(axes.get_ylim()[1] * 1.12, 1 if axes.get_ylim()[1] <= 0.06 and not widget.thresholds else 0))
    axes.set_xticks(range(NOW - back - (NOW - back) % _tick(back) + _tick(back), NOW + 1, _tick(back)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda minute, _: _time(int(minute), back)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.tick_params(length=0, labelsize=SIZE - 0.5, labelcolor=QUIET)
    axes.grid(axis="y", color="#eaeded", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=4)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(EDGE)


def _tick(back: int) -> int:
    """Minutes between two times on the axis."""
    return {180: 30, 1_440: 240}.get(back, 2 * 1_440)


def _time(minute: int, back: int) -> str:
    if back > 1_440:
        days = minute // 1_440
        return "today" if days == 0 else f"{days} d"
    return f"{minute % 1_440 // 60:02}:{minute % 60:02}"


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _number(label: str, value: float) -> str:
    if "rate" in label:
        return f"{value:.3f}"
    return f"{value:,.2f}" if label != "requests" else f"{value:,.0f}"
