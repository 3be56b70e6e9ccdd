"""The laws by which the kinds of the dynamics channel draw parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from robust_gym.disruption import Term
from robust_gym.task import DynamicsParameter, Task

Values = dict[str, float | str]


def holds(term: Term) -> int:
    """Return after how many steps a term draws anew; 0 if a draw holds for the episode."""
    return int(float(str(term.args[1]))) if term.spec is not None and term.kind in ("redraw", "forces") else 0


def parameters(kind: str, task: Task) -> list[DynamicsParameter]:
    """Return the parameters that a kind draws."""
    if kind == "forces":
        return task.forces
    return [p for p in task.drawn if not p.at_reset] if kind == "redraw" else task.drawn


def draw(term: Term, chosen: Sequence[DynamicsParameter], rng: np.random.Generator) -> Values:
    """Draw some parameters by the law of a term, in the units of disruption strings."""
    width = float(str(term.args[0]))
    return {parameter.name: _LAWS[term.kind](parameter, width, rng) for parameter in chosen}


def spread(parameter: DynamicsParameter, delta: float, rng: np.random.Generator) -> float:
    """Draw uniformly around the nominal value; see the kind ``dynamics:random``."""
    return at(parameter, delta, 2.0 * rng.random() - 1.0)


def _normal(parameter: DynamicsParameter, sigma: float, rng: np.random.Generator) -> float:
    return at(parameter, sigma, float(np.clip(rng.standard_normal(), -2.0, 2.0)))


def _corner(parameter: DynamicsParameter, delta: float, rng: np.random.Generator) -> float:
    return at(parameter, delta, 1.0 if rng.random() < 0.5 else -1.0)


def at(parameter: DynamicsParameter, delta: float, place: float) -> float:
    """Return the value at a place of the interval, usually in [-1, 1]."""
    if parameter.mode == "scale":
        return min(max(1.0 + delta * place, parameter.low), parameter.high)
    if parameter.low == parameter.nominal:
        place = abs(place)
    return min(max(parameter.nominal + delta * place * parameter.span, parameter.low), parameter.high)


_LAWS: dict[str, Callable[[DynamicsParameter, float, np.random.Generator], float]] = {
    "random": spread,
    "normal": _normal,
    "corner": _corner,
    "redraw": spread,
    "forces": spread,
}
