"""Copies of a task, each in a world of its own, that step together: what every batch of episodes stands on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.task import Task
from robust_gym.vector.simulator import simulator
from robust_gym.wrappers.apply import check
from robust_gym.wrappers.dynamics import DynamicsProcess
from robust_gym.wrappers.runner import space_kind


class Worlds:
    """Copies of a task under dynamics of their own, equal to the bit to environments made one by one.

    Each copy keeps an environment that resets it, draws its initial state, and owns its world, into which the task's
    dynamics adapter writes; stepping, observations and rewards are done for all copies together.

    Args:
        task: A task with a batched simulator.
        copies: How many copies.
        threads: Threads that step; by default all that the process may use.
        horizon: Steps after which an episode is truncated; by default the task's.
        **kwargs: Arguments of the underlying environment.

    Raises:
        ValueError: If there is no batched simulator of such an environment.

    Attributes:
        envs: The copies' environments.
        simulator: What steps them.
        agents: The names of a team's agents; ``(None,)`` for a single agent, which has no name.
        observation_spaces: What each agent observes.
        action_spaces: What each agent does.
    """

    def __init__(
        self, task: Task, copies: int, threads: int | None = None, horizon: int | None = None, **kwargs: Any
    ) -> None:
        from robust_gym.tasks import undisturbed

        self.task, self.num_envs = task, copies
        self.envs = [undisturbed(task, **kwargs) for _ in range(copies)]
        first = self.envs[0]
        self._team = task.api == "parallel"
        self.agents: tuple[Any, ...] = tuple(first.possible_agents) if self._team else (None,)
        self.observation_spaces: dict[Any, spaces.Space[Any]] = {None: first.observation_space}
        self.action_spaces: dict[Any, spaces.Space[Any]] = {None: first.action_space}
        if self._team:
            self.observation_spaces = {agent: first.observation_space(agent) for agent in self.agents}
            self.action_spaces = {agent: first.action_space(agent) for agent in self.agents}
        self.simulator: Any = simulator(task, self.envs, default_threads() if threads is None else threads)
        self._horizon = task.horizon if horizon is None else horizon
        self._bounds = {agent: _bounds(space) for agent, space in self.observation_spaces.items()}
        self._adapters: list[Any] = [None] * copies
        self._processes: list[DynamicsProcess | None] = [None] * copies
        self._elsewhere = np.zeros(copies, bool)
        self._drifting: list[int] = []
        self._t = np.zeros(copies, np.int64)

    def check(self, disruption: Disruption) -> None:
        """Check that the task can honour a disruption, of any channels.

        Raises:
            DisruptionError: If it cannot; the message names what the task supports.
        """
        # Agents' actions are of one sort in every task; their spaces may still differ in size.
        kind = space_kind(self.action_spaces[self.agents[0]])
        check(disruption, self.task, kind, [str(agent) for agent in self.agents] if self._team else None)

    def disturb(self, copy: int, disruption: Disruption) -> None:
        """Put a copy under other dynamics, from its next reset on.

        Raises:
            DisruptionError: If the disruption has terms of other channels, or the task cannot honour it.
        """
        self.check(disruption)
        terms = disruption.of("dynamics")
        if len(terms) != len(disruption.terms):
            raise DisruptionError(f"{str(disruption)!r}: only dynamics are disturbed here; see VectorDisruption")
        before = self._processes[copy]
        if before is not None:
            before.restore()
        self._processes[copy] = None
        self._elsewhere[copy] = bool(terms)
        if terms:
            env = self.envs[copy]
            if self._adapters[copy] is None:
                self._adapters[copy] = self.task.part("adapter")(env, self.task)
            self._processes[copy] = DynamicsProcess(terms, self.task, env, self._adapters[copy])
        self._drifting = [place for place, one in enumerate(self._processes) if one is not None and one.varies]

    def renew(
        self,
        copies: np.ndarray,
        seeds: Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Reset some copies, without a look at them.

        Args:
            copies: Their numbers.
            seeds: Of all copies; without them every episode follows on the last.
            options: What their environments understand, such as bounds of the initial state.
        """
        for copy in copies:
            process, seed = self._processes[copy], None if seeds is None else seeds[copy]
            if process is not None:
                process.before_reset(seed)
            self.envs[copy].reset(seed=seed, options=options)
            if process is not None:
                process.after_reset()
        self.simulator.load(copies)
        self._t[copies] = 0

    def observe(self) -> Any:
        """Return what all copies observe, ``[copies, …]``, of a team keyed by agent.

        What changed worlds show is inside the observation space.
        """
        found: Any = self.simulator.observe()
        if self._elsewhere.any():
            for agent, bounds in self._bounds.items():
                if bounds is not None:
                    _clip(found[agent] if self._team else found, *bounds, self._elsewhere)
        return found

    def advance(
        self, actions: Any, live: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
        """Step some copies, or all, and reset none.

        Args:
            actions: Of all copies; of a team keyed by agent.
            live: Numbers of those that step; what is said of others means nothing.

        Returns:
            Rewards (``[copies]``, of a team ``[copies, agents]``), terminations and truncations, ``[copies]``, and the
            copies whose worlds have changed.
        """
        changed = self._drift(live)
        rewards, terminated = self.simulator.step(live, actions)
        self._t += 1
        return rewards, terminated, self._t >= self._horizon, changed

    def _drift(self, live: np.ndarray | None) -> list[int]:
        """Let the worlds that change within an episode do so; return which did."""
        if not self._drifting:
            return []
        going = self._drifting if live is None else sorted({*self._drifting} & {*live.tolist()})
        changed = [copy for copy in going if self._processes[copy].before_step()]  # type: ignore[union-attr]
        for copy in changed:
            self.simulator.world(copy)
        return changed

    def close_extras(self, **kwargs: Any) -> None:
        """Close the copies, and end the threads."""
        self.simulator.close()
        for env in self.envs:
            env.close()


def _bounds(space: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the bounds of a Box that has any."""
    low, high = space.low, space.high
    return (low, high) if np.isfinite(low).any() or np.isfinite(high).any() else None


def _clip(seen: np.ndarray, low: np.ndarray, high: np.ndarray, rows: np.ndarray) -> None:
    """Clip, in place, those of some rows, ``[copies]`` booleans, that are out of bounds."""
    outside = rows & ~((seen >= low) & (seen <= high)).reshape(len(rows), -1).all(axis=1)
    if outside.any():
        seen[outside] = np.clip(seen[outside], low, high)


THREADS = "ROBUST_GYM_THREADS"
"""Variable of the environment: the most threads that step; the workers of ``bench`` have it."""


def default_threads() -> int:
    """Return how many threads step: those this process may run on, or fewer where ``ROBUST_GYM_THREADS`` says so.

    Raises:
        ValueError: If the variable is no number of threads.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = os.environ.get(THREADS, "")
    if most and (not most.isdecimal() or int(most) < 1):
        raise ValueError(f"the variable {THREADS} must be a number of threads, 1 or more, got {most!r}")
    return min(cores, int(most)) if most else cores
