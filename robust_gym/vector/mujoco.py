"""Gymnasium's MuJoCo tasks as one vector environment: a model for every copy, one call for the physics of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.task import Task, load
from robust_gym.vector.physics import BatchPhysics, ThreadPhysics, default_threads
from robust_gym.vector.robots import ROBOTS, Robot
from robust_gym.wrappers.apply import check
from robust_gym.wrappers.dynamics import DynamicsProcess


class MujocoVectorEnv(VectorEnv):
    """Copies of a MuJoCo task under dynamics of their own, equal to the bit to environments made one by one.

    Each copy keeps an environment that resets it, draws its initial state, and owns its model, into which the task's
    dynamics adapter writes; stepping, observations and rewards are done for all copies together.

    Args:
        task: The task.
        num_envs: How many copies.
        disruptions: Dynamics of each copy; other channels belong to ``VectorDisruption``.
        autoreset_mode: When a copy whose episode is over resets itself, in the words of Gymnasium.
        threads: Threads that step; by default all that the process may use.
        horizon: Steps after which an episode is truncated; by default the task's.
        **kwargs: Arguments of Gymnasium's environment.

    Raises:
        DisruptionError: If a disruption is not of the dynamics channel, or the task cannot honour it.
        ValueError: If the copies have another robot than Gymnasium's.
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
        self._robot: Robot = ROBOTS[type(first).__name__](first)
        backend = ThreadPhysics if self._robot.forces else BatchPhysics
        self.physics: Any = backend(self.envs, self._robot.reads, default_threads() if threads is None else threads)
        self._horizon = task.horizon if horizon is None else horizon
        self._adapters: list[Any] = [None] * num_envs
        self._processes: list[DynamicsProcess | None] = [None] * num_envs
        for copy, one in enumerate(disruptions or ()):
            self.disturb(copy, one)
        self._t = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)
        self.resting = np.zeros(num_envs, bool)
        """Copies that no longer step; what is said of them means nothing."""

    def disturb(self, copy: int, disruption: Disruption) -> None:
        """Put a copy under other dynamics, from its next reset on.

        Raises:
            DisruptionError: If the disruption has terms of other channels, or the task cannot honour it.
        """
        check(disruption, self.task, "box")
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

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all copies, copy i with ``seed + i``, or those of ``options["reset_mask"]``."""
        chosen = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, bool)))
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed or [None] * self.num_envs
        self._renew(np.flatnonzero(chosen), seeds)
        return self._robot.observe(self.physics), self._reported(chosen)

    def _renew(self, copies: np.ndarray, seeds: Sequence[int | None] | None = None) -> None:
        """Reset some copies."""
        for copy in copies:
            process, seed = self._processes[copy], None if seeds is None else seeds[copy]
            if process is not None:
                process.before_reset(seed)
            self.envs[copy].reset(seed=seed)
            if process is not None:
                process.after_reset()
        self.physics.load(copies)
        self._t[copies], self._over[copies] = 0, False

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

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies.

        Raises:
            ValueError: If the actions have another shape.
        """
        given = np.asarray(actions)
        if given.shape != self.action_space.shape:
            raise ValueError(f"actions must have the shape {self.action_space.shape}, got {given.shape}")
        resetting = self._over & (self._mode == AutoresetMode.NEXT_STEP)
        still = resetting | self.resting
        live = np.flatnonzero(~still) if still.any() else None
        changed = self._drift(live)
        physics, robot = self.physics, self._robot
        before = robot.before(physics)
        physics.step(live, given)
        rewards, terminated = robot.outcome(physics, before, given)
        self._t += 1
        truncated = self._t >= self._horizon
        if resetting.any():
            rewards[resetting], terminated[resetting], truncated[resetting] = 0.0, False, False
            self._renew(np.flatnonzero(resetting))
        over = self._over = terminated | truncated
        observations = robot.observe(physics)
        told, renewed, info = ~resetting, resetting, dict[str, Any]()
        if self._mode == AutoresetMode.SAME_STEP and over.any():
            told, renewed = ~over, over.copy()
            last = np.zeros(self.num_envs, object)
            for copy in np.flatnonzero(over):
                last[copy] = observations[copy].copy()
            ended = {**_rewarded(rewards, renewed), **self._reported(changed & over)}
            info = {"final_obs": last, "_final_obs": renewed, "final_info": ended, "_final_info": renewed}
            self._renew(np.flatnonzero(over))
            observations = robot.observe(physics)
        info |= {**_rewarded(rewards, told), **self._reported((changed & told) | renewed)}
        return observations, rewards, terminated, truncated, info

    def _drift(self, live: np.ndarray | None) -> np.ndarray:
        """Let the worlds that change within an episode do so; return which did, ``[copies]``."""
        changed = np.zeros(self.num_envs, bool)
        for copy in range(self.num_envs) if live is None else live:
            process = self._processes[copy]
            if process is not None and process.before_step():
                self.physics.push(copy)
                changed[copy] = True
        return changed

    def close_extras(self, **kwargs: Any) -> None:
        """Close the copies, and end the threads."""
        self.physics.close()
        for env in self.envs:
            env.close()


def _rewarded(rewards: np.ndarray, copies: np.ndarray) -> dict[str, Any]:
    """Return the true rewards of some copies as Gymnasium's vector environments give infos."""
    return {"nominal_reward": np.where(copies, rewards, 0.0), "_nominal_reward": copies} if copies.any() else {}
