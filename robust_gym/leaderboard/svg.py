"""Small accessible SVG drawings, built from escaped elements.

Colours come from classes ``s0`` … of the page's style sheet, so that they follow its light or dark theme; each
series also has a marker and a dash of its own, so that no reader depends on colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

COLOURS = 7
"""Series colours in the style sheet: those of Okabe and Ito that are legible on light and on dark."""

_DASHES = ("", "6 3", "2 3", "8 3 2 3")
_MARKERS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",  # circle
    "M-3.2 -3.2h6.4v6.4h-6.4z",  # square
    "M0 -4.2L4 3.2H-4z",  # triangle
    "M0 -4.6L4.2 0L0 4.6L-4.2 0z",  # diamond
    "M0 4.2L4 -3.2H-4z",  # triangle, downwards
)


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """Return an element; text and attribute values are escaped, markup among the children is kept.

    In attribute names ``_`` stands for ``-``, a leading one is dropped (``_class``); ``None`` leaves one out.
    """
    given = "".join(
        f' {name.lstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{''.join(map(escape, children))}</{tag}>")


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Scale:
    """A linear map from ``low..high`` to ``start..end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Map a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round numbers within the scale, about ``most`` of them."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [tick * step for tick in range(first, last + 1)]


def extent(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and highest of some finite values, with some room on either side."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - room, high + room


def tick_text(value: float, scale: Scale) -> str:
    """Write a tick of a scale, as short as its step allows."""
    size = max(abs(scale.low), abs(scale.high))
    if size >= 1e6:
        text = f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    elif size >= 10_000:
        text = f"{value / 1_000:,.4g}k"
    else:
        text = f"{value:.4g}"
    return "0" if value == 0 else text.replace("-", "\N{MINUS SIGN}")


def style(index: int) -> dict[str, str]:
    """Return class and dash of a series; its marker is [marker][robust_gym.leaderboard.svg.marker]."""
    dash = _DASHES[index % len(_DASHES)]
    return {"_class": f"s{index % COLOURS}", **({"stroke_dasharray": dash} if dash else {})}


def marker(index: int, x: float, y: float, title: str = "") -> Markup:
    """Return the marker of a series at a point, with a title shown on hover."""
    inside = [element("title", title)] if title else []
    shape = _MARKERS[index % len(_MARKERS)]
    return element("path", *inside, d=shape, transform=f"translate({x:.1f} {y:.1f})", _class=f"m s{index % COLOURS}")


def path(points: Sequence[tuple[float, float]], **attributes: object) -> Markup:
    """Return a line through some points."""
    return element("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), **attributes)


def spread(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Move positions apart to a least distance, within bounds, in their order and as little as may be."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    places = [min(max(wanted[place], low), high) for place in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + distance)
    ceiling = high
    for i in reversed(range(len(places))):
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - distance
    moved = [0.0] * len(wanted)
    for place, position in zip(order, places, strict=True):
        moved[place] = position
    return moved


def drawing(name: str, title: str, description: str, width: int, height: int, *children: str) -> Markup:
    """Return a whole drawing with its title and description for those who cannot see it.

    Args:
        name: An id, unique in the page.
        title: What it shows.
        description: What there is to see, in words and numbers.
        width: Width of the coordinate system.
        height: Its height.
        children: What is drawn.
    """
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )
