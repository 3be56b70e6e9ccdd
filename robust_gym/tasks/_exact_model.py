"""The exact model of a small world: its transition arrays, and what follows from them by dynamic programming."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from robust_gym.task import Task

_SUM = 1e-9


@dataclass(frozen=True, eq=False)
class TabularModel:
    """A finite Markov decision process as arrays, for planners and for exact reference values.

    The episode starts in a state drawn from ``initial`` and ends on entering a terminal state; how many steps it
    may last is the task's ``horizon``. A terminal state is absorbing and gives no reward.

    Attributes:
        transition: Probability of the next state, ``[S, A, S]``.
        reward: Reward of a transition, ``[S, A, S]``; where the same transition can come about in several ways with
            different rewards, their mean. Zero where the transition is impossible.
        initial: Probability of the first state, ``[S]``.
        terminal: Whether a state ends the episode, ``[S]``.
        discount: A discount factor that suits the world; its authors' own where they name one.
        states: Names of the states.
        actions: Names of the actions.
        layout: Rows of the map of a grid world, in which state i stands on the i-th character that is not ``#``;
            empty for other worlds.

    Raises:
        ValueError: If shapes do not fit, or the arrays are no probabilities.
    """

    transition: np.ndarray
    reward: np.ndarray
    initial: np.ndarray
    terminal: np.ndarray
    discount: float = 0.95
    states: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("transition", float), ("reward", float), ("initial", float), ("terminal", bool)):
            array = np.ascontiguousarray(getattr(self, name), dtype=kind).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.transition.ndim != 3 or self.transition.shape[0] != self.transition.shape[2]:
            raise ValueError(f"transition must have the shape [S, A, S], got {list(self.transition.shape)}")
        n, _, _ = shape = self.transition.shape
        for name, wanted in (("reward", shape), ("initial", (n,)), ("terminal", (n,))):
            if getattr(self, name).shape != wanted:
                raise ValueError(f"{name} must have the shape {list(wanted)}, got {list(getattr(self, name).shape)}")
        for name, of in (("states", n), ("actions", shape[1])):
            names = getattr(self, name) or tuple(map(str, range(of)))
            if len(names) != of:
                raise ValueError(f"{name} must name {of}, got {len(names)} names")
            object.__setattr__(self, name, tuple(names))
        self._check_probabilities()
        if not 0.0 < self.discount <= 1.0:
            raise ValueError(f"discount must be above 0 and at most 1, got {self.discount!r}")

    def _check_probabilities(self) -> None:
        if not np.isfinite(self.reward).all():
            raise ValueError("every reward must be finite")
        sums = self.transition.sum(axis=2)
        wrong = np.argwhere(~(np.abs(sums - 1.0) <= _SUM))
        if len(wrong):
            s, a = map(int, wrong[0])
            raise ValueError(f"probabilities must sum to 1, got {sums[s, a]} in state {s} under action {a}")
        if self.transition.min() < 0.0 or self.initial.min() < 0.0:
            raise ValueError("probabilities must not be negative")
        if abs(self.initial.sum() - 1.0) > _SUM:
            raise ValueError(f"the initial probabilities must sum to 1, got {self.initial.sum()}")
        ends = np.flatnonzero(self.terminal)
        if not (self.transition[ends, :, ends] == 1.0).all() or self.reward[ends].any():
            raise ValueError("a terminal state must lead to itself without reward")

    def expected_reward(self) -> np.ndarray:
        """Return the mean reward of every state and action, ``[S, A]``."""
        return np.einsum("sat,sat->sa", self.transition, self.reward)

    def value_iteration(
        self, discount: float | None = None, tolerance: float = 1e-10, sweeps: int = 1_000_000
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the optimal values without a limit on the episode's length.

        Args:
            discount: Discount factor; the model's own when left out.
            tolerance: Largest error of a value: the sweeps stop once the contraction guarantees it.
            sweeps: Most sweeps.

        Returns:
            The values of states, ``[S]``, and of states and actions, ``[S, A]``.

        Raises:
            ValueError: If the discount is not below 1, for which nothing is guaranteed.
            RuntimeError: If the sweeps do not suffice.
        """
        gamma = self.discount if discount is None else discount
        if not 0.0 <= gamma < 1.0:
            raise ValueError(f"discount must be at least 0 and below 1, got {gamma!r}; see backward_induction")
        reward, values = self.expected_reward(), np.zeros(len(self.initial))
        for _ in range(sweeps):
            q = reward + gamma * (self.transition @ values)
            change = np.abs(q.max(axis=1) - values).max()
            values = q.max(axis=1)
            if change * gamma <= tolerance * (1.0 - gamma):
                return values, reward + gamma * (self.transition @ values)
        raise RuntimeError(f"no convergence to {tolerance:g} in {sweeps} sweeps")

    def backward_induction(self, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the optimal undiscounted values of an episode cut off after some steps.

        Args:
            horizon: Steps of the episode.

        Returns:
            The values with t steps behind, ``[horizon + 1, S]``, and of actions, ``[horizon, S, A]``.
        """
        reward = self.expected_reward()
        values, q = np.zeros((horizon + 1, len(self.initial))), np.zeros((horizon, *reward.shape))
        for t in reversed(range(horizon)):
            q[t] = reward + self.transition @ values[t + 1]
            values[t] = q[t].max(axis=1)
        return values, q

    def expected_return(self, policy: np.ndarray, horizon: int) -> float:
        """Return the exact mean undiscounted return of a policy over an episode cut off after some steps.

        Args:
            policy: Probability of every action, ``[S, A]``, or one such array per step, ``[horizon, S, A]``.
            horizon: Steps of the episode.

        Raises:
            ValueError: If the policy has another shape.
        """
        reward = self.expected_reward()
        if policy.shape not in (reward.shape, (horizon, *reward.shape)):
            raise ValueError(
                f"policy must have the shape {list(reward.shape)} or {[horizon, *reward.shape]}, "
                f"got {list(policy.shape)}"
            )
        values = np.zeros(len(self.initial))
        for t in reversed(range(horizon)):
            q = reward + self.transition @ values
            values = (q * (policy if policy.ndim == 2 else policy[t])).sum(axis=1)
        return float(self.initial @ values)


class Returns(NamedTuple):
    """Exact mean undiscounted returns of one episode.

    Attributes:
        random: Of the uniformly random policy.
        optimal: Of the best policy, which may look at the clock.
    """

    random: float
    optimal: float


def exact_returns(task: Task, **dynamics: float | str) -> Returns:
    """Return what the random and the best policy earn in an episode of a small world, without simulating.

    Args:
        task: A task that has an exact model.
        **dynamics: Values of its parameters and shifts, as for [Task.model][robust_gym.task.Task.model].

    Raises:
        TypeError: If the task has no exact model.
        ValueError: If a value is unknown or out of bounds.
    """
    model: TabularModel = task.model(**dynamics)
    actions = len(model.actions)
    uniform = np.full((len(model.states), actions), 1.0 / actions)
    values, _ = model.backward_induction(task.horizon)
    return Returns(model.expected_return(uniform, task.horizon), float(model.initial @ values[0]))


def physical(task: Task, values: Mapping[str, float | str]) -> dict[str, Any]:
    """Turn the values of disruption strings into physical ones: factors become multiples of the nominal value."""
    found: dict[str, Any] = {}
    for name, value in {**task.nominal_values(), **values}.items():
        parameter = task.dynamics.get(name)
        if parameter is not None and not isinstance(value, str):
            found[name] = float(value) * parameter.nominal if parameter.mode == "scale" else float(value)
        else:
            found[name] = value
    return found


def world(build: Callable[..., TabularModel]) -> Callable[[Task, Mapping[str, float | str]], TabularModel]:
    """Make of a function of physical parameters what ``Task.exact`` names: one of a task and disruption values."""

    @functools.wraps(build)
    def model(task: Task, values: Mapping[str, float | str]) -> TabularModel:
        return build(**physical(task, values))

    return model
