"""The privileged view: the true dynamics of the present world join the observation, as CARL's visible context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym import registry
from robust_gym.disruption import did_you_mean
from robust_gym.task import DynamicsParameter, Task
from robust_gym.wrappers.base import ChannelWrapper

CONTEXTS = ("hidden", "visible")
"""What ``context=`` may be: whether the agent sees the dynamics parameters of its world."""


def is_visible(context: str, task: Task) -> bool:
    """Return whether a context is the visible one.

    Args:
        context: What ``context=`` was given.
        task: The task it was given for.

    Raises:
        ValueError: If it is none of `CONTEXTS`, or the task has no parameter and no shift that could be seen.
    """
    if context not in CONTEXTS:
        hint = did_you_mean(str(context), CONTEXTS)
        raise ValueError(f"unknown context {context!r} for {task.id}; contexts are {', '.join(CONTEXTS)}.{hint}")
    if context == "visible":
        Context(task)
    return context == "visible"


class Context:
    """The context of a task as a vector: its parameters in the task's order, then its shifts, one-hot.

    A parameter's number is 0 at its nominal value, 1 at the largest accepted value and -1 at the smallest, linear on
    each side; where the nominal value is itself an end of the interval, that side has length 0. A shift has a number
    for each of its options, 1 for the present one.

    Args:
        task: The task; ``robust-gym show`` lists its parameters and shifts in this order.

    Raises:
        ValueError: If the task has neither parameters nor shifts.

    Attributes:
        names: What each number is: ``"gravity"``, or ``"city=tampa"`` for an option of a shift.
        low: Smallest value of each number.
        high: Largest value of each number.

    Examples:
        >>> from robust_gym import registry
        >>> Context(registry.task("Robust-CartPole-v0")).names[:2]
        ('gravity', 'masscart')
    """

    def __init__(self, task: Task) -> None:
        if not task.dynamics and not task.semantic:
            raise ValueError(
                f"{task.id} has no dynamics parameter and no semantic shift: context='visible' shows nothing"
            )
        self._sides = {name: _sides(parameter) for name, parameter in task.dynamics.items()}
        self._nominal = {name: parameter.identity for name, parameter in task.dynamics.items()}
        self._options = {name: shift.options for name, shift in task.semantic.items()}
        chosen = tuple(f"{name}={option}" for name, options in self._options.items() for option in options)
        self.names: tuple[str, ...] = (*self._sides, *chosen)
        self.low = np.array([-1.0 if below else 0.0 for below, _ in self._sides.values()] + [0.0] * len(chosen))
        self.high = np.array([1.0 if above else 0.0 for _, above in self._sides.values()] + [1.0] * len(chosen))

    def __call__(self, dynamics: Mapping[str, float | str]) -> np.ndarray:
        """Return the context of a world, ``[len(names)]``.

        Args:
            dynamics: A value of every parameter and shift in the units of disruption strings, as in
                ``info["dynamics"]``.
        """
        numbers = []
        for name, (below, above) in self._sides.items():
            away = float(dynamics[name]) - self._nominal[name]
            side = above if away > 0.0 else below
            numbers.append(away / side if side else 0.0)
        for name, options in self._options.items():
            numbers += [float(dynamics[name] == option) for option in options]
        # A quotient of two roundings may leave the interval by the last bit.
        return np.clip(numbers, self.low, self.high)


def _sides(parameter: DynamicsParameter) -> tuple[float, float]:
    """Return how far a parameter may go below its nominal value, and above it."""
    # A bound of a parameter that is a whole number may be rounded outwards.
    low = min(parameter.low, parameter.realised(parameter.low))
    high = max(parameter.high, parameter.realised(parameter.high))
    return parameter.identity - low, high - parameter.identity


class View:
    """How a context joins the observations of one space.

    Args:
        space: The observations.
        context: The context.

    Raises:
        ValueError: If a dict observation has a part called ``"context"`` already.

    Attributes:
        space: What the observations with the context are in.
    """

    def __init__(self, space: spaces.Space[Any], context: Context) -> None:
        self._vector = isinstance(space, spaces.Box) and len(space.shape) == 1
        self._dict = isinstance(space, spaces.Dict)
        if self._vector:
            assert isinstance(space, spaces.Box)
            # Whole numbers join a context of fractions as floats that hold them exactly.
            kept = np.issubdtype(space.dtype, np.floating)
            self._dtype: Any = space.dtype if kept else np.promote_types(space.dtype, np.float32)
            low, high = (np.concatenate(ends) for ends in ((space.low, context.low), (space.high, context.high)))
            self.space: spaces.Space[Any] = spaces.Box(
                low.astype(self._dtype), high.astype(self._dtype), dtype=self._dtype
            )
            return
        self._dtype = np.float32
        low, high = context.low.astype(np.float32), context.high.astype(np.float32)
        seen = dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}
        if "context" in seen:
            raise ValueError(f"the observations have a part 'context' already: {space}")
        self.space = spaces.Dict({**seen, "context": spaces.Box(low, high, dtype=np.float32)})

    def __call__(self, observation: Any, context: np.ndarray) -> Any:
        """Return an observation with the context."""
        if self._vector:
            return np.concatenate((observation, context)).astype(self._dtype)
        seen = observation if self._dict else {"observation": observation}
        return {**seen, "context": context.astype(np.float32)}


def reported(info: Mapping[str, Any], env: Any) -> Mapping[str, float | str]:
    """Return the dynamics that an ``info`` of a reset reports.

    Raises:
        ValueError: If it reports none.
    """
    if "dynamics" not in info:
        raise ValueError(f"{env} reports no info['dynamics'] at reset, which holds the context; make the task first")
    found: Mapping[str, float | str] = info["dynamics"]
    return found


class VisibleContext(ChannelWrapper):
    """Shows the agent the true dynamics of its world; what ``context="visible"`` applies, outermost.

    The context follows a vector, whose dtype it takes (whole numbers become floats); it is the part ``"context"`` of
    a dict; and beside any other observation it makes a dict of the parts ``"observation"`` and ``"context"``. It is
    never disturbed. Within an episode it changes with ``info["dynamics"]``: it holds for the step just taken.

    See [Context][robust_gym.wrappers.context.Context] for its order and its units. Source: the visible context of
    CARL (Benjamins et al., TMLR 2023), there the raw values in a dict.

    Args:
        env: The environment of a task, which reports ``info["dynamics"]``.
        task: Id of the task.

    Raises:
        ValueError: If the task has neither parameters nor shifts.

    Examples:
        >>> import robust_gym
        >>> env = robust_gym.make("Robust-CartPole-v0", disruption="dynamics:gravity:2", context="visible")
        >>> observation, info = env.reset(seed=0)
        >>> env.observation_space.contains(observation), round(float(observation[4]), 3)
        (True, 0.111)
    """

    def __init__(self, env: gym.Env[Any, Any], task: str) -> None:
        RecordConstructorArgs.__init__(self, task=task)
        gym.Wrapper.__init__(self, env)
        self.context = Context(registry.task(task))
        self._view = View(env.observation_space, self.context)
        self.observation_space = self._view.space
        self._present = np.zeros(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and show the world."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._present = self.context(reported(info, self.env))
        return self._view(observation, self._present), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and show the world, which may have changed."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if "dynamics" in info:
            self._present = self.context(info["dynamics"])
        return self._view(observation, self._present), reward, terminated, truncated, info
