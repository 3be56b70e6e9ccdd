"""The plots of the page: score against severity, and ID against OOD."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from robust_gym.leaderboard import bootstrap, svg
from robust_gym.leaderboard.curves import Series, curves
from robust_gym.leaderboard.levels import channel_place, severity_levels
from robust_gym.leaderboard.quantities import Value
from robust_gym.leaderboard.runs import Entry, TaskRuns
from robust_gym.leaderboard.svg import Scale, element
from robust_gym.leaderboard.text import clean, number, shortened

MOST_LINES = svg.COLOURS
"""Entries drawn in one figure, the best ones; more could not be told apart."""

WIDTH, HEIGHT = 362, 224
LEFT, RIGHT, TOP, BOTTOM = 38, 236, 28, 184
"""Edges of the plot within a drawing."""

_LABEL_X, _LABEL_CHARACTERS = 256, 17


@dataclass(frozen=True)
class Figure:
    """Drawings with one legend.

    Attributes:
        caption: What they show.
        drawings: The drawings.
        legend: Swatch and name of each series.
    """

    caption: str
    drawings: tuple[Markup, ...]
    legend: tuple[tuple[Markup, str], ...]


@dataclass(frozen=True)
class Drawn:
    """An entry to draw: its name, the index of its style, and its estimates of ID and OOD."""

    entry: Entry
    label: str
    style: int
    id: Value
    ood: Value


def figure(name: str, tasks: Sequence[TaskRuns], entries: Sequence[Drawn], scored: bool) -> Figure | None:
    """Draw score against severity level, one panel for each kind of disruption, and OOD against ID.

    Args:
        name: Prefix of the drawings' ids.
        tasks: One task (raw returns) or several (normalised scores, IQM over task and seed).
        entries: Entries, the best first; ``MOST_LINES`` of them are drawn.
        scored: Whether to normalise.

    Returns:
        The figure, or ``None`` where there is nothing to draw. An entry is drawn in the panels of the kinds
        for which it did all the tasks that have the kind.
    """
    shown = entries[:MOST_LINES]
    unit = "score" if scored else "return"
    panels, points = line_panels(name, tasks, shown, scored), scatter(f"{name}-scatter", shown, unit)
    if not panels and not points:
        return None
    what = "Normalised score (IQM over task and seed)" if scored else "Mean return"
    told = []
    if panels:
        told.append(f"{what} against severity level, where level 0 is the undisturbed task")
    if points:
        told.append(f"{'OOD' if panels else f'{what}, OOD'} against ID, where the dashed diagonal is no loss")
    return Figure(
        f"{'; and '.join(told)}. {bands_and(len(entries), 'Bands and whiskers')}",
        (*panels, *points),
        tuple((swatch(entry.style), entry.label) for entry in shown),
    )


def bands_and(entries: int, bands: str = "Bands") -> str:
    """Say what a figure's bands are, and how many of the entries it draws."""
    told = f"{bands} are 95 % bootstrap intervals, drawn from {bootstrap.FEWEST_SEEDS} seeds on."
    return f"{told} The first {MOST_LINES} of {entries} entries are drawn." if entries > MOST_LINES else told


def line_panels(name: str, tasks: Sequence[TaskRuns], shown: Sequence[Drawn], scored: bool) -> list[Markup]:
    """Draw score against severity level, one panel for each kind of disruption; arguments as for ``figure``."""
    by_kind: dict[str, list[tuple[TaskRuns, tuple[int, ...]]]] = defaultdict(list)
    for runs in tasks:
        for kind, places in severity_levels(runs.cells).items():
            by_kind[kind].append((runs, places))
    kinds = sorted(by_kind, key=lambda kind: (channel_place(kind), kind))
    names = [(entry.entry, entry.label, entry.style) for entry in shown]
    panels = {kind: list(curves(by_kind[kind], names, scored)) for kind in kinds}
    drawn = [value for lines in panels.values() for line in lines for value in line.everything]
    if not drawn:
        return []
    y = Scale(*svg.extent(drawn), BOTTOM, TOP)
    return [
        _line_panel(f"{name}-{place}", kind, len(by_kind[kind]) if scored else 0, lines, y)
        for place, (kind, lines) in enumerate(panels.items())
        if lines
    ]


def _line_panel(name: str, kind: str, tasks: int, lines: Sequence[Series], y: Scale) -> Markup:
    last = len(lines[0].values) - 1
    x = Scale(0, last, LEFT + 6, RIGHT - 6)
    parts = [frame(x, y, [float(level) for level in range(last + 1)], "severity level")]
    for line in lines:
        if line.low and line.high:
            there = [(x(level), y(value)) for level, value in enumerate(line.high)]
            back = [(x(level), y(value)) for level, value in reversed(list(enumerate(line.low)))]
            parts.append(svg.path(there + back, _class=f"band s{line.style % svg.COLOURS}"))
    for line in lines:
        points = [(x(level), y(value)) for level, value in enumerate(line.values)]
        style = svg.style(line.style)
        parts.append(svg.path(points, **{**style, "_class": f"line {style['_class']}"}))
        parts += [
            svg.marker(line.style, *point, f"{line.label}, level {level}: {number(value)}")
            for level, (point, value) in enumerate(zip(points, line.values, strict=True))
        ]
    ends = [(line.label, line.style, x(last), y(line.values[-1])) for line in lines]
    heading = kind.replace(":", ": ") + (f" ({tasks} task{'s' if tasks > 1 else ''})" if tasks else "")
    told = "; ".join(f"{line.label}: {', '.join(map(number, line.values))}" for line in lines)
    return svg.drawing(
        name,
        f"Robustness to {clean(heading, 60)}",
        f"Levels 0 to {last}. {told}.",
        WIDTH,
        HEIGHT,
        element("text", clean(heading, 40), x=LEFT, y=14, _class="heading"),
        *parts,
        *_end_labels(ends),
    )


def scatter(name: str, entries: Sequence[Drawn], unit: str) -> list[Markup]:
    """Draw OOD against ID, with whiskers where there are intervals; nothing where no entry has both."""
    points = [entry for entry in entries if np.isfinite([entry.id.value, entry.ood.value]).all()]
    if not points:
        return []
    values = [p.value for point in points for p in (point.id, point.ood)]
    values += [end for point in points for p in (point.id, point.ood) for end in p.interval or ()]
    ends = svg.extent(values)
    x, y = Scale(*ends, LEFT, RIGHT), Scale(*ends, BOTTOM, TOP)
    parts = [frame(x, y, x.ticks(4), "ID")]
    parts.append(svg.path([(x(end), y(end)) for end in ends], _class="diagonal"))
    for point in points:
        style = f"whisker s{point.style % svg.COLOURS}"
        if point.id.interval:
            parts.append(svg.path([(x(end), y(point.ood.value)) for end in point.id.interval], _class=style))
        if point.ood.interval:
            parts.append(svg.path([(x(point.id.value), y(end)) for end in point.ood.interval], _class=style))
    told = [f"{point.label}: ID {number(point.id.value)}, OOD {number(point.ood.value)}" for point in points]
    places = [(x(point.id.value), y(point.ood.value)) for point in points]
    parts += [svg.marker(p.style, *place, text) for p, place, text in zip(points, places, told, strict=True)]
    parts += _end_labels([(point.label, point.style, *place) for point, place in zip(points, places, strict=True)])
    heading = element("text", f"OOD {unit} against ID", x=LEFT, y=14, _class="heading")
    return [svg.drawing(name, f"OOD {unit} against ID {unit}", "; ".join(told), WIDTH, HEIGHT, heading, *parts)]


def frame(x: Scale, y: Scale, x_ticks: Sequence[float], x_title: str) -> Markup:
    """Draw the axes of a plot, with a grid and its ticks."""
    parts = []
    for tick in y.ticks():
        parts.append(svg.path([(LEFT, y(tick)), (RIGHT, y(tick))], _class="grid"))
        label = svg.tick_text(tick, y)
        parts.append(element("text", label, x=LEFT - 6, y=y(tick) + 3.5, text_anchor="end"))
    for tick in x_ticks:
        label = svg.tick_text(tick, x)
        parts.append(element("text", label, x=x(tick), y=BOTTOM + 15, text_anchor="middle"))
    parts.append(svg.path([(LEFT, BOTTOM), (RIGHT, BOTTOM)], _class="axis"))
    middle = (LEFT + RIGHT) / 2
    parts.append(element("text", x_title, x=middle, y=BOTTOM + 32, text_anchor="middle", _class="quiet"))
    return element("g", *parts, aria_hidden="true")


def _end_labels(ends: Sequence[tuple[str, int, float, float]]) -> list[Markup]:
    """Name series at the right edge, each joined by a thin line to its end."""
    places = svg.spread([y for _, _, _, y in ends], 12.5, TOP + 2, HEIGHT - 8)
    names = shortened([label for label, *_ in ends], _LABEL_CHARACTERS)
    parts = []
    for (_, style, x, y), label, place in zip(ends, names, places, strict=True):
        colour = f"s{style % svg.COLOURS}"
        parts.append(svg.path([(x + 5, y), (_LABEL_X - 9, place)], _class=f"leader {colour}"))
        parts.append(svg.marker(style, _LABEL_X - 5, place))
        parts.append(element("text", label, x=_LABEL_X + 2, y=place + 3.5))
    return parts


def swatch(index: int) -> Markup:
    """Draw what stands beside a series' name in a legend."""
    style = svg.style(index)
    line = svg.path([(0, 6), (26, 6)], **{**style, "_class": f"line {style['_class']}"})
    return element("svg", line, svg.marker(index, 13, 6), viewBox="0 0 26 12", _class="swatch", aria_hidden="true")
