"""Numbers, ranges and errors of the disruption grammar; see [robust_gym.disruption][]."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class DisruptionError(ValueError):
    """A disruption that cannot be understood, or that a task cannot honour."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest option, or an empty string."""
    near = difflib.get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Range:
    """Bounds of a value drawn uniformly at each reset, written ``low..high``."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{show(self.low)}..{show(self.high)}"


Value = int | float | str | Range


def show(value: Value) -> str:
    """Write a value as it is read."""
    return repr(value) if isinstance(value, float) else str(value)


def number(text: str, where: str) -> int | float:
    """Read a finite number; whole ones are ints.

    Raises:
        DisruptionError: If it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise DisruptionError(f"{text!r} in {where} is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise DisruptionError(f"{text!r} in {where} is too large to be a finite number")
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def read_range(text: str, where: str, *, point: bool = False) -> Range:
    """Read ``low..high``.

    Raises:
        DisruptionError: If the ends are no numbers, or ``low`` is not the smaller; with ``point`` they may be equal.
    """
    low, _, high = text.partition("..")
    result = Range(number(low.strip(), where), number(high.strip(), where))
    if not (result.low < result.high or (point and result.low == result.high)):
        raise DisruptionError(f"the range {text!r} in {where} must go from a smaller to a larger number")
    return result
