"""Copies of a task as one vector environment: a world for every copy, and one call that steps all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.task import Task, load
from robust_gym.vector.seeding import asked
from robust_gym.vector.simulator import simulator
from robust_gym.wrappers.apply import check
from robust_gym.wrappers.dynamics import DynamicsProcess, Into
from robust_gym.wrappers.runner import space_kind


class BatchedVectorEnv(VectorEnv):
    """Copies of a task under dynamics of their own, equal to the bit to environments made one by one.

    Each copy keeps an environment that resets it, draws its initial state, and owns its world, into which the task's
    dynamics adapter writes; stepping, observations and rewards are done for all copies together.

    Args:
        task: A task with a batched simulator.
        num_envs: How many copies.
        disruptions: Dynamics of each copy; other channels belong to ``VectorDisruption``.
        autoreset_mode: When a copy whose episode is over resets itself, in the words of Gymnasium.
        threads: Threads that step; by default all that the process may use.
        horizon: Steps after which an episode is truncated; by default the task's.
        **kwargs: Arguments of the underlying environment.

    Raises:
        DisruptionError: If a disruption is not of the dynamics channel, or the task cannot honour it.
        ValueError: If there is no batched simulator of such an environment.
    """

    def __init__(
        self,
        task: Task,
        num_envs: int,
        disruptions: Sequence[Disruption] | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        horizon: int | None = None,
        **kwargs: Any,
    ) -> None:
        from robust_gym.tasks import undisturbed

        self.task, self.num_envs = task, num_envs
        self.envs = [undisturbed(task, **kwargs) for _ in range(num_envs)]
        first = self.envs[0]
        self.metadata = {**first.metadata, "autoreset_mode": autoreset_mode}
        self.render_mode = first.render_mode
        self.single_observation_space: spaces.Space[Any] = first.observation_space
        self.single_action_space: spaces.Space[Any] = first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self._mode = autoreset_mode
        self.simulator: Any = simulator(task, self.envs, default_threads() if threads is None else threads)
        self._horizon = task.horizon if horizon is None else horizon
        self._into = Into(first.observation_space)
        self._adapters: list[Any] = [None] * num_envs
        self._processes: list[DynamicsProcess | None] = [None] * num_envs
        self._drifting: list[int] = []
        for copy, one in enumerate(disruptions or ()):
            self.disturb(copy, one)
        self._t = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)

    def disturb(self, copy: int, disruption: Disruption) -> None:
        """Put a copy under other dynamics, from its next reset on.

        Raises:
            DisruptionError: If the disruption has terms of other channels, or the task cannot honour it.
        """
        check(disruption, self.task, space_kind(self.single_action_space))
        terms = disruption.of("dynamics")
        if len(terms) != len(disruption.terms):
            raise DisruptionError(f"{str(disruption)!r}: only dynamics are disturbed here; see VectorDisruption")
        before = self._processes[copy]
        if before is not None:
            before.restore()
        self._processes[copy] = None
        if terms:
            env = self.envs[copy]
            if self._adapters[copy] is None:
                self._adapters[copy] = load(self.task.adapter)(env, self.task)
            self._processes[copy] = DynamicsProcess(terms, self.task, env, self._adapters[copy])
        self._drifting = [place for place, one in enumerate(self._processes) if one is not None and one.varies]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all copies, copy i with ``seed + i``, or those of ``options["reset_mask"]``."""
        chosen, seeds = asked(self.num_envs, seed, options)
        self.renew(np.flatnonzero(chosen), seeds)
        return self.observe(), self._reported(chosen)

    def renew(self, copies: np.ndarray, seeds: Sequence[int | None] | None = None) -> None:
        """Reset some copies, without a look at them.

        Args:
            copies: Their numbers.
            seeds: Of all copies; without them every episode follows on the last.
        """
        for copy in copies:
            process, seed = self._processes[copy], None if seeds is None else seeds[copy]
            if process is not None:
                process.before_reset(seed)
            self.envs[copy].reset(seed=seed)
            if process is not None:
                process.after_reset()
        self.simulator.load(copies)
        self._t[copies], self._over[copies] = 0, False

    def observe(self) -> np.ndarray:
        """Return what all copies observe, ``[copies, …]``; changed worlds' inside the observation space."""
        found: np.ndarray = self.simulator.observe()
        if self._into.bounded:
            for copy, process in enumerate(self._processes):
                if process is not None:
                    found[copy] = self._into(found[copy])
        return found

    def advance(
        self, actions: np.ndarray, live: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
        """Step some copies, or all, and reset none.

        Args:
            actions: Of all copies.
            live: Numbers of those that step; what is said of others means nothing.

        Returns:
            Rewards, terminations and truncations, ``[copies]``, and the copies whose worlds have changed.
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

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies.

        Raises:
            ValueError: If the actions have another shape.
        """
        given = np.asarray(actions)
        if given.shape != self.action_space.shape:
            raise ValueError(f"actions must have the shape {self.action_space.shape}, got {given.shape}")
        resetting = self._over & (self._mode == AutoresetMode.NEXT_STEP)
        renewing = bool(resetting.any())
        live = np.flatnonzero(~resetting) if renewing else None
        rewards, terminated, truncated, drifted = self.advance(given, live)
        if renewing:
            rewards[resetting], terminated[resetting], truncated[resetting] = 0.0, False, False
            self.renew(np.flatnonzero(resetting))
        over = self._over = terminated | truncated
        observations = self.observe()
        changed = np.zeros(self.num_envs, bool)
        changed[drifted] = True
        told, renewed, info = ~resetting, resetting, dict[str, Any]()
        if self._mode == AutoresetMode.SAME_STEP and over.any():
            told, renewed = ~over, over.copy()
            last = np.zeros(self.num_envs, object)
            for copy in np.flatnonzero(over):
                last[copy] = observations[copy].copy()
            ended = {**_rewarded(rewards, renewed), **self._reported(changed & over)}
            info = {"final_obs": last, "_final_obs": renewed, "final_info": ended, "_final_info": renewed}
            self.renew(np.flatnonzero(over))
            observations = self.observe()
        info |= {**_rewarded(rewards, told), **self._reported((changed & told) | renewed)}
        return observations, rewards, terminated, truncated, info

    def _reported(self, mask: np.ndarray) -> dict[str, Any]:
        """Return the present dynamics of some copies as Gymnasium's vector environments give infos."""
        if not self.task.dynamics or not mask.any():
            return {}
        found: dict[str, Any] = {}
        nominal, copies = self.task.nominal_values(), np.flatnonzero(mask)
        worlds = {copy: process.report() if (process := self._processes[copy]) else nominal for copy in copies}
        for name, value in nominal.items():
            column: np.ndarray = np.zeros(self.num_envs, object if isinstance(value, str) else np.float64)
            for copy, world in worlds.items():
                column[copy] = world[name]
            found[name], found[f"_{name}"] = column, mask.copy()
        return {"dynamics": found, "_dynamics": mask.copy()}

    def close_extras(self, **kwargs: Any) -> None:
        """Close the copies, and end the threads."""
        self.simulator.close()
        for env in self.envs:
            env.close()


def default_threads() -> int:
    """Return how many threads step: those this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rewarded(rewards: np.ndarray, copies: np.ndarray) -> dict[str, Any]:
    """Return the true rewards of some copies as Gymnasium's vector environments give infos."""
    return {"nominal_reward": np.where(copies, rewards, 0.0), "_nominal_reward": copies} if copies.any() else {}
