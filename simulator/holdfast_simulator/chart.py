"""Curves as an SVG file that stands alone: in a report, in a document, opened by itself.

The charts of pages (`holdfast_web.charts`) are part of a page: they take their width, colours and
legend from it. A file has its own size and styles, light or dark as its reader likes it, no script
and nothing from elsewhere. What it shows is also told in its `desc`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from xml.sax.saxutils import escape

from holdfast_simulator.round_steps import round_seconds, round_step

WIDTH: Final = 800
HEIGHT: Final = 380
_LEFT, _MARGIN, _TOP, _BOTTOM = 70, 20, 64, 322
_TICKS: Final = 5
_POINTS_MAX: Final = 1_200
"""of a curve: more than the width has pixels show nothing"""
_LIGHT: Final = ("#0b5c4b", "#b4540a", "#1f5fa8", "#86378b", "#6a6a00", "#a3123f")
_DARK: Final = ("#63c7ab", "#f0a35e", "#86b6ee", "#d69ada", "#c9c95a", "#f48fab")
_DASHES: Final = ("none", "6 4", "2 4", "10 3 2 3", "12 5", "4 2")
_BASE_STYLE: Final = """\
svg{color-scheme:light dark;background:#fff;font:13px system-ui,sans-serif}
text{fill:#55625c;font-variant-numeric:tabular-nums}
.title{fill:#16211d;font-size:16px;font-weight:600}
.grid{stroke:#d5dad4}.base{stroke:#55625c}.mark{stroke:#55625c;stroke-dasharray:3 3}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
"""
_DARK_STYLE: Final = """\
svg{background:#14191a}text{fill:#a9b5af}.title{fill:#e8eeea}
.grid{stroke:#333c3a}.base,.mark{stroke:#a9b5af}
"""

Scale = Literal["linear", "log", "seconds"]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values along an axis, under a name; None is a gap."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        """The values without the missing ones."""
        return [y for y in self.ys if y is not None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line with a word, at a place of the x axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class _Axis:
    """Maps values to pixels."""

    low: float
    high: float
    begin: float
    end: float
    scale: Scale
    ticks: Sequence[float] = field(default=())

    def at(self, value: float) -> float:
        low, high = self._on(self.low), self._on(self.high)
        return self.begin + (self.end - self.begin) * (self._on(value) - low) / (high - low)

    def _on(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.scale == "log" else value


def line_chart(
    title: str,
    series: Sequence[Curve],
    *,
    x_label: str,
    y_label: str,
    marks: Sequence[Mark] = (),
    x_scale: Scale = "linear",
    y_scale: Scale = "linear",
    width: int = WIDTH,
) -> str:
    """An SVG document with axes, curves and a legend; at most six curves can be told apart.

    It is `width` CSS pixels wide: text keeps its size where there is less room.

    The scale `seconds` labels an axis as minutes and seconds; a linear or seconds y axis begins at
    zero or below.
    """
    shown = [_thinned(curve) for curve in series if curve.known]
    xs = [x for curve in shown for x in curve.xs] or [0.0, 1.0]
    ys = [y for curve in shown for y in curve.known] or [0.0, 1.0]
    right = width - _MARGIN
    x_axis = _x_axis(min(xs), max(xs), x_scale, right)
    y_axis = _y_axis(min(ys), max(ys), y_scale)
    parts = [
        *_frame(title, x_label, y_label, right),
        *_grid(x_axis, y_axis),
        *(_mark(mark, x_axis) for mark in marks if x_axis.low <= mark.x <= x_axis.high),
        *(_curve(curve, at, x_axis, y_axis) for at, curve in enumerate(shown)),
        *_legend(shown, right),
    ]
    if not shown:
        parts.append(_text((_LEFT + right) / 2, (_TOP + _BOTTOM) / 2, "no data", "middle"))
    return _document(title, _told(series, y_axis.scale), parts, width)


def round_ticks(low: float, high: float, scale: Scale = "linear") -> list[float]:
    """Round values of a linear or seconds axis, in equal steps that take in both ends."""
    length = high - low
    if not length > 0 or not math.isfinite(length):
        return [low, low + 1.0]
    timed = scale == "seconds" and length > _TICKS
    step = round_seconds(length, _TICKS) if timed else round_step(length, _TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def number_label(value: float, scale: Scale = "linear") -> str:
    """A short label: 1.5k, 2M, 0.25; on an axis of seconds 1:30 and 2:05:00."""
    if scale == "seconds":
        return _time_label(value)
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{value:.4g}"


def _time_label(value: float) -> str:
    sign, whole = "-" if value < 0 else "", abs(value)
    if whole % 1:
        return f"{value:.3g}"
    hours, rest = divmod(int(whole), 3600)
    shown = f"{rest // 60}:{rest % 60:02d}"
    return f"{sign}{hours}:{shown.zfill(5)}" if hours else f"{sign}{shown}"


def _x_axis(low: float, high: float, scale: Scale, right: float) -> _Axis:
    if scale == "log":
        return _log_axis(low, high, _LEFT, right)
    if high <= low:
        high = low + 1.0
    ticks = [tick for tick in round_ticks(low, high, scale) if low <= tick <= high]
    return _Axis(low, high, _LEFT, right, scale, ticks)


def _y_axis(low: float, high: float, scale: Scale) -> _Axis:
    if scale == "log":
        return _log_axis(low, high, _BOTTOM, _TOP)
    ticks = round_ticks(min(0.0, low), max(0.0, high), scale)
    return _Axis(ticks[0], ticks[-1], _BOTTOM, _TOP, scale, ticks)


def _log_axis(low: float, high: float, begin: float, end: float) -> _Axis:
    least = math.floor(math.log10(max(low, 1e-12)) + 1e-9)
    most = max(least + 1, math.ceil(math.log10(max(high, 1e-12)) - 1e-9))
    step = max(1, math.ceil((most - least) / 8))
    ticks = [10.0**power for power in range(least, most + 1, step)]
    return _Axis(10.0**least, 10.0**most, begin, end, "log", ticks)


def _frame(title: str, x_label: str, y_label: str, right: float) -> list[str]:
    return [
        _text(16, 26, title, "start", "title"),
        _text((_LEFT + right) / 2, _BOTTOM + 38, x_label, "middle"),
        _text(16, _TOP - 12, y_label, "start"),
    ]


def _grid(x_axis: _Axis, y_axis: _Axis) -> list[str]:
    drawn = []
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        kind = "base" if tick == y_axis.low else "grid"
        drawn.append(f'<path class="{kind}" d="M{_LEFT} {y:.1f}H{x_axis.end:g}"/>')
        drawn.append(_text(_LEFT - 8, y + 4, number_label(tick, y_axis.scale), "end"))
    for tick in x_axis.ticks:
        x = x_axis.at(tick)
        drawn.append(f'<path class="base" d="M{x:.1f} {_BOTTOM}v5"/>')
        drawn.append(_text(x, _BOTTOM + 19, number_label(tick, x_axis.scale), "middle"))
    return drawn


def _mark(mark: Mark, axis: _Axis) -> str:
    x = axis.at(mark.x)
    anchor, shift = ("end", -4) if x > (axis.begin + axis.end) / 2 else ("start", 4)
    line = f'<path class="mark" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
    return line + _text(x + shift, _TOP + 12, mark.label, anchor)


def _curve(curve: Curve, at: int, x_axis: _Axis, y_axis: _Axis) -> str:
    data, pen_down = [], False
    for x, y in zip(curve.xs, curve.ys, strict=True):
        if y is None:
            pen_down = False
            continue
        data.append(f"{'L' if pen_down else 'M'}{x_axis.at(x):.1f} {y_axis.at(y):.1f}")
        pen_down = True
    # A stroke without length shows a single point by its round ends.
    dot = "h0" if len(data) == 1 else ""
    return f'<path class="curve s{at % len(_LIGHT)}" d="{"".join(data)}{dot}"/>'


def _legend(series: Sequence[Curve], right: float) -> list[str]:
    """Draws the legend, to the right of the y label and as wide as the names are."""
    if len(series) < 2:
        return []
    drawn, x = [], right
    for at, curve in reversed(list(enumerate(series))):
        x -= 7.2 * len(curve.name) + 12
        drawn.append(_text(x, _TOP - 12, curve.name, "start"))
        drawn.append(f'<path class="curve s{at % len(_LIGHT)}" d="M{x - 30:.1f} {_TOP - 16}h24"/>')
        x -= 30
    return drawn


def _told(series: Sequence[Curve], scale: Scale) -> str:
    told = []
    for curve in series:
        known = curve.known
        if known:
            last, most = number_label(known[-1], scale), number_label(max(known), scale)
            told.append(f"{curve.name}: at most {most}, in the end {last}")
        else:
            told.append(f"{curve.name}: no data")
    return "; ".join(told)


def _document(title: str, told: str, parts: Sequence[str], width: int) -> str:
    rules = [(at, colour, _DASHES[at]) for at, colour in enumerate(_LIGHT)]
    light = "".join(f".s{at}{{stroke:{c};stroke-dasharray:{dash}}}" for at, c, dash in rules)
    dark = "".join(f".s{at}{{stroke:{colour}}}" for at, colour in enumerate(_DARK))
    style = f"{_BASE_STYLE}{light}\n@media(prefers-color-scheme:dark){{{_DARK_STYLE}{dark}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" role="img" aria-label="{_quoted(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc><style>{style}</style>"
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(text)}</text>'


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _thinned(curve: Curve) -> Curve:
    """Keeps of each group of points the first and the last, the least and the most."""
    count = len(curve.xs)
    if count <= _POINTS_MAX or None in curve.ys:
        return curve
    size = math.ceil(4 * count / _POINTS_MAX)
    kept: list[int] = []
    for begin in range(0, count, size):
        group = range(begin, min(begin + size, count))
        value = [curve.ys[number] or 0.0 for number in group]
        least, most = value.index(min(value)), value.index(max(value))
        kept += sorted({group[0], group[least], group[most], group[-1]})
    return Curve(curve.name, [curve.xs[n] for n in kept], [curve.ys[n] for n in kept])
