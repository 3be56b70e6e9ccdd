"""What of a task's world a disruption may change, as typed data: numbers, and choices among words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from robust_gym.fields import are_words, is_flag, is_number, is_text, misfits
from robust_gym.kind import NAME, WORD

RESERVED = ("none", "random", "normal", "corner", "redraw", "forces")
"""Words of the dynamics channel that no parameter or shift may have as its name."""


@dataclass(frozen=True)
class DynamicsParameter:
    """One number of a task's dynamics that a disruption may change.

    Attributes:
        name: The word used in a disruption string, ``dynamics:NAME:VALUE``.
        about: What it is.
        unit: Unit of ``nominal``.
        nominal: The undisturbed value.
        low: Smallest accepted value in a disruption string: a factor for ``mode="scale"``, else in ``unit``.
        high: Largest accepted value, likewise.
        mode: ``"scale"``: strings give a multiple of the nominal value. ``"set"``: strings give the
            value itself, for parameters whose nominal value is zero.
        drawn: Whether ``dynamics:random`` draws it; events such as a push are only written by name.
        at_reset: Whether it takes effect at resets only, and so cannot follow a schedule within an episode.
        whole: Whether the value in ``unit`` is a whole number, to which strings are rounded.
    """

    name: str
    about: str
    unit: str
    nominal: float
    low: float = 0.1
    high: float = 10.0
    mode: Literal["scale", "set"] = "scale"
    drawn: bool = True
    at_reset: bool = False
    whole: bool = False

    @property
    def identity(self) -> float:
        """The value which, written in a disruption string, would change nothing."""
        return 1.0 if self.mode == "scale" else self.nominal

    @property
    def span(self) -> float:
        """Half of the accepted interval of a ``"set"`` parameter: the unit of its random draws."""
        return max(self.high - self.nominal, self.nominal - self.low)

    def realised(self, value: float) -> float:
        """Return the value that the world will really have, in the units of disruption strings."""
        if not self.whole:
            return value
        return round(self.nominal * value) / self.nominal if self.mode == "scale" else float(round(value))

    def problem(self) -> str | None:
        """Return why the parameter could never take effect or never be written, or ``None``."""
        for problem in (
            *misfits(vars(self), "a string", is_text, "name", "about", "unit"),
            *misfits(vars(self), "a finite number, an int or a float", is_number, "nominal", "low", "high"),
            *misfits(vars(self), "True or False", is_flag, "drawn", "at_reset", "whole"),
        ):
            return f"its {problem}"
        if self.mode not in ("scale", "set"):
            return f"its mode must be 'scale' or 'set', got {self.mode!r}"
        if not NAME.fullmatch(self.name):
            return "a disruption string names a parameter by a lower-case word of letters, digits and '_'"
        if self.name in RESERVED:
            return "the name has a meaning of its own"
        if not self.low < self.high:
            return f"its bounds {self.low:g} to {self.high:g} leave nothing to choose"
        if self.mode == "scale" and self.nominal == 0:
            return "a multiple of zero changes nothing; use mode='set'"
        if not self.low <= self.identity <= self.high:
            return f"its nominal value {self.identity:g} is outside {self.low:g} to {self.high:g}"
        if self.realised(self.identity) != self.identity:
            return f"its values are whole numbers, and the nominal one is {self.nominal:g}"
        if self.stays_nominal(self.low, self.high):
            return (
                f"its bounds {self.low:g} to {self.high:g} hold no other whole number than the nominal {self.nominal:g}"
            )
        return None

    def stays_nominal(self, low: float, high: float) -> bool:
        """Return whether whole numbers are meant, and all values of an interval are rounded to the nominal one."""
        return self.whole and self.realised(low) == self.realised(high) == self.identity


@dataclass(frozen=True)
class SemanticShift:
    """A named change of the world that is not one number: another city, season or map.

    Attributes:
        name: The word used in a disruption string, ``dynamics:NAME:OPTION``.
        about: What it changes.
        nominal: The training option.
        options: Every accepted option, the nominal one included.
        evaluated: The options that the protocol's ``ood-semantic`` split contains.
    """

    name: str
    about: str
    nominal: str
    options: tuple[str, ...]
    evaluated: tuple[str, ...] = ()

    def problem(self) -> str | None:
        """Return why the shift could never take effect or never be written, or ``None``."""
        for problem in (
            *misfits(vars(self), "a string", is_text, "name", "about", "nominal"),
            *misfits(vars(self), "a tuple of words", are_words, "options", "evaluated"),
        ):
            return f"its {problem}"
        if self.name in RESERVED:
            return "the name has a meaning of its own"
        if not NAME.fullmatch(self.name) or not all(WORD.fullmatch(option) for option in self.options):
            return "its name and options must be words that begin with a letter"
        if self.nominal not in self.options or len(set(self.options)) < 2:
            return f"it needs its nominal option {self.nominal!r} and at least one other"
        if not set(self.evaluated) < set(self.options) or self.nominal in self.evaluated:
            return "the options it is evaluated on must be among the others than the nominal one"
        return None
