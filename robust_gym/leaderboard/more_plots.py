"""Plots that the page does not have: performance profiles and heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from robust_gym.leaderboard import bootstrap, plots, statistics, svg
from robust_gym.leaderboard.quantities import BOOTSTRAP_SEED, split_scores
from robust_gym.leaderboard.selection import Selection
from robust_gym.leaderboard.statistics import Array
from robust_gym.leaderboard.svg import Scale, element
from robust_gym.leaderboard.text import clean, decimals, number

THRESHOLDS = 101
"""Points of a profile."""

_SCORES = (-1.0, 2.0)
"""Thresholds of normalised scores are within these, so that one task's outliers do not take all the room."""

MOST_ROWS = 40
"""Rows of a heat map, the best ones."""

_CELL, _ROW, _NAMES, _HEAD = 66, 22, 190, 112
_LOW, _HIGH = (247, 251, 255), (8, 48, 107)  # the ends of ColorBrewer's Blues


def profile_drawing(name: str, chosen: Selection) -> Markup:
    """Draw performance profiles: for every threshold, the share of runs whose OOD value is above it.

    After Agarwal et al. (2021), section 4.2, with pointwise bootstrap bands, stratified by task. A profile that is
    above another everywhere belongs to the better method, whatever statistic one prefers.
    """
    shown = chosen.entries[: plots.MOST_LINES]
    scores = {one.entry: chosen.quantity(one.entry, "ood") for one in shown}
    low, high = svg.extent([float(value) for tasks in scores.values() for task in tasks for value in task])
    if chosen.scored and max(low, _SCORES[0]) < min(high, _SCORES[1]):
        low, high = max(low, _SCORES[0]), min(high, _SCORES[1])
    thresholds = np.linspace(low, high, THRESHOLDS)
    x, y = Scale(low, high, plots.LEFT, plots.RIGHT), Scale(0, 1, plots.BOTTOM, plots.TOP)

    def shares(values: ArrayLike, weights: Array | None = None, /) -> Array:
        # bootstrap_interval's statistic maps [..., n] to [...], so the resamples go before the thresholds and back.
        return np.moveaxis(statistics.profile(values, thresholds, weights), -1, 0)

    bands, lines, told = [], [], []
    for one in shown:
        share = statistics.pooled(scores[one.entry], shares)
        style = svg.style(one.style)
        interval = bootstrap.bootstrap_interval(scores[one.entry], shares, np.random.default_rng(BOOTSTRAP_SEED))
        if interval:
            there = [(x(at), y(value)) for at, value in zip(thresholds, interval[1], strict=True)]
            back = [(x(at), y(value)) for at, value in zip(thresholds, interval[0], strict=True)]
            bands.append(svg.path(there + back[::-1], _class=f"band s{one.style % svg.COLOURS}"))
        points = [(x(at), y(value)) for at, value in zip(thresholds, share, strict=True)]
        lines.append(svg.path(points, **{**style, "_class": f"line {style['_class']}"}))
        told.append(f"{one.label}: median {number(float(statistics.pooled(scores[one.entry], statistics.median)))}")
    heading = element("text", f"Share of runs with an OOD {chosen.unit} above …", x=plots.LEFT, y=14, _class="heading")
    parts = [heading, plots.frame(x, y, x.ticks(4), f"OOD {chosen.unit}"), *bands, *lines]
    return svg.drawing(name, "Performance profiles", "; ".join(told), plots.WIDTH, plots.HEIGHT, *parts)


def heatmap_drawing(name: str, chosen: Selection) -> tuple[Markup, int, int]:
    """Draw a table of colours: rows are algorithms; columns the splits of one task, or several tasks.

    Returns:
        The drawing, its width and its height.
    """
    shown = chosen.entries[:MOST_ROWS]
    columns, values = _by_task(chosen) if chosen.scored else _by_split(chosen)
    values = values[: len(shown)]
    width, height = _NAMES + _CELL * len(columns) + 40, _HEAD + _ROW * len(shown) + 8
    finite = values[np.isfinite(values)]
    # Of scores, 0 and 1 have a meaning, and one far beyond them would take all the colour.
    low, high = (0.0, 1.0) if chosen.scored or not finite.size else (float(finite.min()), float(finite.max()))
    places = min(2, decimals(finite.tolist()))
    parts: list[Markup] = []
    for place, column in enumerate(columns):
        at = _NAMES + _CELL * (place + 0.5)
        parts.append(element("text", clean(column, 28), transform=f"translate({at:.1f} {_HEAD - 8}) rotate(-35)"))
    for row, one in enumerate(shown):
        top = _HEAD + _ROW * row
        parts.append(element("text", clean(one.label, 34), x=_NAMES - 8, y=top + 15, text_anchor="end"))
        for place, value in enumerate(values[row]):
            parts += _cell(
                _NAMES + _CELL * place, top, float(value), low, high, places, f"{one.label}, {columns[place]}"
            )
    what = "OOD score by task" if chosen.scored else "mean return by split"
    told = [
        f"{one.label}: {', '.join(f'{c} {number(float(v), places)}' for c, v in zip(columns, row, strict=True))}"
        for one, row in zip(shown, values, strict=True)
    ]
    return svg.drawing(name, f"Heat map: {what}", "; ".join(told), width, height, *parts), width, height


def _cell(x: float, y: float, value: float, low: float, high: float, places: int, title: str) -> list[Markup]:
    if not np.isfinite(value):
        return [element("text", number(value), x=x + _CELL / 2, y=y + 15, text_anchor="middle")]
    part = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(_LOW, _HIGH, strict=True))
    ink = "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"  # luma, after ITU-R BT.601
    told = element("title", f"{title}: {number(value, places)}")
    square = {"x": x, "y": y, "width": _CELL - 2, "height": _ROW - 2, "fill": f"#{red:02x}{green:02x}{blue:02x}"}
    text = element(
        "text", number(value, places), x=x + _CELL / 2 - 1, y=y + 14, text_anchor="middle", style=f"fill: {ink}"
    )
    return [element("rect", told, **square), text]


def _by_task(chosen: Selection) -> tuple[list[str], Array]:
    """Return the tasks, and the mean OOD score of every entry on each."""
    names = [runs.task.removeprefix("Robust-").removesuffix("-v0") for runs in chosen.tasks]
    means = [[float(task.mean()) for task in chosen.quantity(one.entry, "ood")] for one in chosen.entries]
    return names, np.array(means)


def _by_split(chosen: Selection) -> tuple[list[str], Array]:
    """Return the splits of the one task, and the mean return of every entry in each."""
    (runs,) = chosen.tasks
    names: Sequence[str] = list(dict.fromkeys(split for split, _ in runs.cells))
    means = []
    for one in chosen.entries:
        found = split_scores(runs.cells, runs.results[one.entry].returns.mean(axis=-1))
        means.append([float(found[name].mean()) for name in names])
    return [name.removeprefix("ood-") for name in names], np.array(means)
