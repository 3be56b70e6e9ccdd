"""Copies of a task as one vector environment: a world for every copy, and one call that steps all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from robust_gym.disruption import Disruption
from robust_gym.task import Task
from robust_gym.vector.giving import rewarded
from robust_gym.vector.seeding import asked
from robust_gym.vector.worlds import Worlds


class BatchedVectorEnv(Worlds, VectorEnv):
    """Copies of a single-agent task as Gymnasium wants them; see [Worlds][robust_gym.vector.worlds.Worlds].

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
        Worlds.__init__(self, task, num_envs, threads, horizon, **kwargs)
        first = self.envs[0]
        self.metadata = {**first.metadata, "autoreset_mode": autoreset_mode}
        self.render_mode = first.render_mode
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self._mode = autoreset_mode
        self._over = np.zeros(num_envs, bool)
        self._begun = False
        for copy, one in enumerate(disruptions or ()):
            self.disturb(copy, one)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all copies, copy i with ``seed + i``, or those of ``options["reset_mask"]``.

        Other options are their environments' own.

        Raises:
            ValueError: If there is not one seed, or one boolean of the mask, for each copy.
            ResetNeeded: If the first reset is not of all copies.
        """
        chosen, seeds = asked(self.num_envs, seed, options)
        if not (self._begun or chosen.all()):
            raise ResetNeeded("the first reset is of all copies; leave out reset_mask")
        self._begun = True
        theirs = {name: value for name, value in (options or {}).items() if name != "reset_mask"}
        self.renew(np.flatnonzero(chosen), seeds, theirs or None)
        self._over[chosen] = False
        return self.observe(), self._reported(chosen)

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies.

        Raises:
            ValueError: If the actions have another shape.
            ResetNeeded: If the copies have not been reset.
        """
        if not self._begun:
            raise ResetNeeded("reset() comes before the first step")
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
            ended = {**rewarded(rewards, renewed), **self._reported(changed & over)}
            info = {"final_obs": last, "_final_obs": renewed, "final_info": ended, "_final_info": renewed}
            self.renew(np.flatnonzero(over))
            observations = self.observe()
        info |= {**rewarded(rewards, told), **self._reported((changed & told) | renewed)}
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
