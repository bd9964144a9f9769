"""Small line charts as inline SVG: labelled axes, colours from the page's style sheet, readable in print."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 340, 200
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 12, 36
MOST_POINTS = 200
Place = Callable[[float, float], str]
"""Values to a place in the picture, "X,Y" in its pixels."""
_CHARACTER = 6.4  # width of a character at 11 px, for the legend


def line_chart(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_label: str,
    y_label: str,
    marks: Sequence[tuple[float, float]] = (),
    y_range: tuple[float, float] | None = None,
    smooth: bool = False,
) -> Markup:
    """A chart of one or more named series of (x, y). Points that are not finite are left out; empty Markup without any
    point.

    A series keeps its colour when another is empty. `marks` are circled; `y_range` is widened where the data needs
    more; `smooth` adds a running mean over the raw curve.
    """
    finite = {
        name: [(float(x), float(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        for name, points in series.items()
    }
    shown = {name: _thinned(points) for name, points in finite.items() if points}
    if not shown:
        return Markup("")
    colours = {name: f"s{number % 6}" for number, name in enumerate(series)}
    xs = [x for points in shown.values() for x, _ in points]
    ys = [y for points in shown.values() for _, y in points] + list(y_range or ())
    x_ticks, y_ticks = _ticks(min(xs), max(xs), 4), _ticks(min(ys), max(ys), 4)
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1e-9)
    y_low, y_high = min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys))
    top = TOP + (16 if len(shown) > 1 else 0)

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - top)
        return f"{across:.1f},{down:.1f}"

    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{} over {}">').format(
            WIDTH, HEIGHT, y_label, x_label
        )
    ]
    parts += _axes(x_ticks, y_ticks, x_low, x_high, place, x_label, y_label)
    parts += _legend(list(shown), colours) if len(shown) > 1 else []
    for name, points in shown.items():
        colour = colours[name]
        if len(points) == 1:
            x, y = place(*points[0]).split(",")
            parts.append(Markup('<circle class="{} dot" cx="{}" cy="{}" r="3"/>').format(colour, x, y))
            continue
        running = smooth and len(points) > 30
        parts.append(_path(points, place, f"{colour} raw" if running else colour))
        if running:
            parts.append(_path(_running_mean(points), place, colour))
    for mark in marks:
        x, y = place(*mark).split(",")
        parts.append(Markup('<circle class="mark" cx="{}" cy="{}" r="4.5"/>').format(x, y))
    return Markup("").join(parts) + Markup("</svg>")


def _axes(
    x_ticks: list[float],
    y_ticks: list[float],
    x_low: float,
    x_high: float,
    place: Place,
    x_label: str,
    y_label: str,
) -> list[Markup]:
    parts = []
    for tick, text in zip(y_ticks, _tick_texts(y_ticks), strict=True):
        y = place(x_low, tick).split(",")[1]
        parts.append(Markup('<path class="grid" d="M{},{} H{}"/>').format(LEFT, y, WIDTH - RIGHT))
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end" dy="3.5">{}</text>').format(LEFT - 6, y, text))
    for tick, text in zip(x_ticks, _tick_texts(x_ticks), strict=True):
        if not x_low - 1e-9 <= tick <= x_high + 1e-9:
            continue
        x = place(tick, y_ticks[0]).split(",")[0]
        anchor = "end" if float(x) > WIDTH - 24 else "middle"
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, HEIGHT - BOTTOM + 15, anchor, text)
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, HEIGHT - 5, x_label)
    )
    across = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(
        Markup('<text class="label" transform="translate(11,{}) rotate(-90)" text-anchor="middle">{}</text>').format(
            across, y_label
        )
    )
    return parts


def _legend(names: list[str], colours: dict[str, str]) -> list[Markup]:
    parts, x = [], float(LEFT)
    for name in names:
        parts.append(Markup('<path class="{}" d="M{:.0f},10 h14"/>').format(colours[name], x))
        parts.append(Markup('<text x="{:.0f}" y="13.5">{}</text>').format(x + 18, name))
        x += 18 + _CHARACTER * len(name) + 12
    return parts


def _path(points: list[tuple[float, float]], place: Place, style: str) -> Markup:
    return Markup('<path class="{}" d="M{}"/>').format(style, " L".join(place(x, y) for x, y in points))


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MOST_POINTS` points, evenly picked, the last one always."""
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(i * step)] for i in range(MOST_POINTS)]


def _running_mean(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    half = max(2, len(points) // 25)
    means = []
    for i, (x, _) in enumerate(points):
        reach = min(half, i, len(points) - 1 - i)  # a window that shrinks towards the ends stays centred
        near = points[i - reach : i + reach + 1]
        means.append((x, sum(y for _, y in near) / len(near)))
    return means


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers that enclose low..high."""
    if high - low < 1e-12 * max(1.0, abs(low)):
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def _tick_texts(ticks: list[float]) -> list[str]:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    largest = max(abs(tick) for tick in ticks)
    if largest >= 10000 and step >= 100:
        return [f"{tick / 1000:g}k".replace("-", "−") for tick in ticks]
    digits = min(6, max(0, -math.floor(math.log10(step) + 1e-9) + (1 if f"{step:.1e}"[2] != "0" else 0)))
    return [str(escape(f"{tick + 0.0:.{digits}f}".replace("-", "−"))) for tick in ticks]
