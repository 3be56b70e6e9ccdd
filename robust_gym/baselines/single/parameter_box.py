"""Boxes of worlds, and training episodes in worlds that the learner chooses from one and knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.disruption import Disruption, Range, Term
from robust_gym.task import DynamicsAdapter, DynamicsParameter, Task
from robust_gym.wrappers import laws
from robust_gym.wrappers.dynamics import Into, check_term


@dataclass(frozen=True)
class ParameterBox:
    """An interval for each of some dynamics parameters; a place in it is a vector in [-1, 1]^d.

    Attributes:
        parameters: The parameters, d of them.
        low: Their least values, in the units of disruption strings, ``[d]``.
        high: Their largest.

    Examples:
        >>> from robust_gym import registry
        >>> box, _ = ParameterBox.of("dynamics:gravity:0.5..1.5", registry.task("Robust-Pendulum-v0"))
        >>> box.values(np.array([-1.0])), box.values(np.array([0.5]))
        ({'gravity': 0.5}, {'gravity': 1.25})
    """

    parameters: tuple[DynamicsParameter, ...]
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, disruption: str, task: Task) -> tuple[ParameterBox, str]:
        """Read the box that a disruption draws its worlds from.

        Args:
            disruption: Its dynamics terms are the box: ``dynamics:random:DELTA`` for all parameters that are drawn, or
                ranges such as ``dynamics:gravity:0.5..1.5+dynamics:length:0.8..1.2``.
            task: The task whose parameters they name.

        Returns:
            The box, and the rest of the disruption, without its dynamics.

        Raises:
            ValueError: If the string is malformed, there is no such parameter, or a term is no interval.
        """
        parsed = Disruption.parse(disruption)
        ranges: dict[str, tuple[float, float]] = {}
        for term in parsed.of("dynamics"):
            check_term(term, task)
            for name, ends in _ranges(term.resolved(task.family), task).items():
                if name in ranges:
                    raise ValueError(f"{disruption!r} gives {name!r} of {task.id} two intervals")
                ranges[name] = ends
        if not ranges:
            raise ValueError(
                f"a box of worlds needs dynamics, such as 'dynamics:random:0.3' or 'dynamics:NAME:0.5..1.5', got "
                f"{disruption!r}; {task.id} has {', '.join(task.dynamics) or 'no dynamics parameter'}"
            )
        low, high = np.array(list(ranges.values())).T
        box = cls(tuple(task.dynamics[name] for name in ranges), low, high)
        return box, str(Disruption(tuple(term for term in parsed.terms if term.channel != "dynamics")))

    def __len__(self) -> int:
        return len(self.parameters)

    def values(self, place: np.ndarray) -> dict[str, float]:
        """Return the world at a place, ``[d]`` in [-1, 1]: a value of each parameter, whole where it has to be."""
        found = np.clip(self.low + (place + 1.0) / 2.0 * (self.high - self.low), self.low, self.high)
        return {p.name: p.realised(float(value)) for p, value in zip(self.parameters, found, strict=True)}


def _ranges(term: Term, task: Task) -> dict[str, tuple[float, float]]:
    """Return the interval of each parameter that a term draws.

    Raises:
        ValueError: If it draws none from an interval.
    """
    if term.schedule.name == "always":
        if term.kind == "random":
            (delta,) = (float(str(value)) for value in term.args)
            return {parameter.name: _around(parameter, delta) for parameter in laws.parameters("random", task)}
        if term.kind in task.dynamics and term.args and isinstance(term.args[0], Range):
            return {term.kind: (term.args[0].low, term.args[0].high)}
    raise ValueError(
        f"{str(term)!r} is no box of worlds: a term is 'dynamics:random:DELTA' or a range 'dynamics:NAME:LOW..HIGH', "
        f"without a schedule"
    )


def _around(parameter: DynamicsParameter, delta: float) -> tuple[float, float]:
    reached = [laws.at(parameter, delta, place) for place in (-1.0, 0.0, 1.0)]
    return min(reached), max(reached)


class ChosenWorlds(gym.Wrapper[Any, Any, Any, Any]):
    """Begins each episode in a world that is chosen from a box, and shows where in the box it is.

    The place, in [-1, 1]^d, follows the observation, a vector. The values are written as those of a ``dynamics:``
    disruption are, through the task's adapter, and stand in ``info["dynamics"]``.

    Args:
        env: The environment of a task, whose own disruption has no dynamics, with vectors as observations.
        task: The task.
        box: The box.

    Attributes:
        choose: Returns the place of the coming episode, given the number of steps that the last one had (0 before the
            first); the middle of the box until it is set.
    """

    def __init__(self, env: gym.Env[Any, Any], task: Task, box: ParameterBox) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ValueError(f"a place in a box of worlds joins observations that are vectors, got {space}")
        self.choose: Callable[[int], np.ndarray] = lambda steps: np.zeros(len(box))
        self._nominal, self._box, self._into = task.nominal_values(), box, Into(space)
        self._adapter: DynamicsAdapter = task.part("adapter")(env.unwrapped, task)
        ends = np.ones(len(box))
        low, high = np.concatenate((space.low, -ends)), np.concatenate((space.high, ends))
        self.observation_space = spaces.Box(low.astype(space.dtype), high.astype(space.dtype), dtype=space.dtype.type)
        self._place = np.zeros(len(box))
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset into the chosen world."""
        self._place = np.clip(self.choose(self._steps), -1.0, 1.0)
        self._steps = 0
        values = self._box.values(self._place)
        self._adapter.configure(values)
        observation, info = self.env.reset(seed=seed, options=options)
        self._adapter.apply(values)
        return self._with_place(observation), {**info, "dynamics": {**self._nominal, **values}}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        return self._with_place(observation), reward, terminated, truncated, info

    def _with_place(self, observation: Any) -> np.ndarray:
        joined: np.ndarray = np.concatenate((self._into(observation), self._place))
        return joined.astype(self.observation_space.dtype)
