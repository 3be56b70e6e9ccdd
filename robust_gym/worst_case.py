"""The worst world of an uncertainty set: a search over a task's dynamics parameters for the lowest return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robust_gym import registry
from robust_gym.disruption import Disruption
from robust_gym.evaluate import evaluate
from robust_gym.task import DynamicsParameter, MissingExtraError, Task, missing
from robust_gym.wrappers import laws

INSTALL = 'pip install "robust-gym[attacks]"'


@dataclass(frozen=True)
class WorstWorld:
    """What a search found.

    Attributes:
        disruption: The worst world, as a string that ``evaluate`` and ``make`` take; ``"none"`` if nothing was worse
            than the nominal world.
        mean: Mean return in it.
        nominal: Mean return in the nominal world, over the same episodes.
        history: Every world tried, in order, with its mean return; the nominal one first.
    """

    disruption: str
    mean: float
    nominal: float
    history: tuple[tuple[str, float], ...]


def worst_dynamics(
    policy: Any,
    task: str | Task,
    parameters: Sequence[str] | None = None,
    *,
    delta: float = 0.3,
    evaluations: int = 100,
    episodes: int = 3,
    seed: int = 0,
) -> WorstWorld:
    """Search the uncertainty set of a task's dynamics for the world in which a policy fares worst.

    The set is that of ``dynamics:random:DELTA``: factors from 1 - delta to 1 + delta, and for parameters whose nominal
    value is zero shifts of up to delta of their span. It is searched by CMA-ES (Hansen, "The CMA evolution strategy: a
    tutorial", 2016), a whole generation in one batch; of a single parameter the interval is swept instead. The
    episodes are the first ones of the protocol: to see whether the world found is as bad in others, evaluate it on all.

    Args:
        policy: The policy: anything that ``evaluate`` takes.
        task: The task.
        parameters: Names of the parameters; by default all that ``dynamics:random`` draws.
        delta: Half width of the set, > 0.
        evaluations: How many worlds are tried at most, beside the nominal one.
        episodes: Episodes in each.
        seed: Of the search.

    Returns:
        The worst world.

    Raises:
        ValueError: If a parameter is unknown or named twice, or a number is out of range.
        MissingExtraError: If the package ``cmaes``, or one that the task needs, is not installed.
    """
    found = registry.task(task)
    chosen = _parameters(found, parameters)
    if not 0 < delta <= 1:
        raise ValueError(f"delta must be > 0 and <= 1, got {delta}")
    if not isinstance(evaluations, int) or evaluations < 1:
        raise ValueError(f"evaluations must be a whole number >= 1, got {evaluations}")
    known: dict[str, float] = {}

    def returns(places: np.ndarray) -> list[float]:
        worlds = [_world(chosen, row, delta) for row in places]
        new = [world for world in dict.fromkeys(worlds) if world not in known]
        if new:
            done = evaluate(policy, found, disruptions=new, episodes=episodes)
            known.update(zip(new, (result.mean for result in done.results), strict=True))
        return [known[world] for world in worlds]

    (nominal,) = returns(np.zeros((1, len(chosen))))
    if len(chosen) == 1:
        returns(np.linspace(-1.0, 1.0, evaluations)[:, None])
    else:
        _evolve(returns, len(chosen), evaluations, seed)
    worst = min(known, key=lambda world: known[world])
    return WorstWorld(worst, known[worst], nominal, tuple(known.items()))


def _evolve(returns: Any, dimensions: int, evaluations: int, seed: int) -> None:
    line = missing("worst_dynamics", ("cmaes",), INSTALL)
    if line:
        raise MissingExtraError(line)
    from cmaes import CMA

    search = CMA(mean=np.zeros(dimensions), sigma=0.5, seed=seed)
    left = evaluations
    while left > 0 and not search.should_stop():
        places = np.array([search.ask() for _ in range(search.population_size)])
        # Places outside are those on the edge: the worst world is often a corner, which is never met from within.
        values = returns(np.clip(places[:left], -1.0, 1.0))
        left -= len(values)
        if len(values) == len(places):
            search.tell(list(zip(places, values, strict=True)))


def _parameters(task: Task, names: Sequence[str] | None) -> list[DynamicsParameter]:
    if names is None:
        chosen = task.drawn
    else:
        for name in names:
            if name not in task.dynamics:
                raise ValueError(
                    f"{task.id} has no dynamics parameter {name!r}; it has "
                    f"{', '.join(task.dynamics)}.{task.closest_parameter(name)}"
                )
        if len(set(names)) < len(names):
            raise ValueError(f"a parameter is named twice: {', '.join(names)}")
        chosen = [task.dynamics[name] for name in names]
    if not chosen:
        raise ValueError(f"{task.id} has no dynamics parameter to search over")
    return chosen


def _world(parameters: Sequence[DynamicsParameter], places: np.ndarray, delta: float) -> str:
    """Return the string of the world at places in [-1, 1]; what is nominal is left out."""
    terms = []
    for parameter, place in zip(parameters, places, strict=True):
        value = float(f"{laws.at(parameter, delta, float(place)):.4g}")
        value = min(max(value, parameter.low), parameter.high)
        if parameter.realised(value) != parameter.identity:
            terms.append(f"dynamics:{parameter.name}:{value!r}")
    return str(Disruption.parse("+".join(terms) or "none"))
