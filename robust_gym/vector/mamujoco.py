"""MaMuJoCo's teams: the robots of ``mujoco.py``, their joints shared out, each agent with a view of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from robust_gym.vector.mujoco import MujocoSimulator

_FIELDS = ("qpos", "qvel", "qfrc_actuator", "cvel", "cinert", "cfrc_ext", "xpos")
_FAR = 1e9


class TeamSimulator:
    """Copies of a robot that a team shares.

    Args:
        envs: The copies' unwrapped environments.
        threads: Threads that step.

    Raises:
        ValueError: If there is no batched robot of that name, or its agents see what is computed otherwise than by
            looking up numbers and clipping them.
    """

    def __init__(self, envs: Sequence[Any], threads: int) -> None:
        first = envs[0]
        robots = [env.single_agent_env.unwrapped for env in envs]
        self._views = {agent: _View(first, number) for number, agent in enumerate(first.possible_agents)}
        fields = {name for view in self._views.values() for name in view.fields}
        self._robot = MujocoSimulator(robots, threads, also=fields)
        self._actuators = {
            agent: [node.act_ids for node in part]
            for agent, part in zip(first.possible_agents, first.agent_action_partitions, strict=True)
        }
        self._size = first.single_agent_env.action_space.shape[0]
        self.models = self._robot.models
        self.load, self.world, self.close = self._robot.load, self._robot.world, self._robot.close

    def step(self, copies: np.ndarray | None, actions: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Step some copies, or all; return rewards, every agent's that of the robot, and terminations."""
        whole = np.empty((len(self.models), self._size))
        for agent, own in self._actuators.items():
            whole[:, own] = actions[agent]
        rewards, terminated = self._robot.step(copies, whole)
        return np.repeat(rewards[:, None], len(self._actuators), axis=1), terminated

    def observe(self) -> dict[str, np.ndarray]:
        """Return what every agent observes, ``[copies, …]``."""
        return {agent: view(self._robot.fields) for agent, view in self._views.items()}

    def state(self) -> np.ndarray:
        """Return the whole robot's observation, ``[copies, …]``."""
        return self._robot.observe()


class _View:
    """Where each number that an agent observes lies in MjData, and how it is clipped.

    MaMuJoCo builds observations joint by joint in Python. What it does is found out once, by letting it build them from
    numbers that tell where they come from, and from very small and very large ones.

    Args:
        team: An environment.
        number: Of the agent.
    """

    def __init__(self, team: Any, number: int) -> None:
        from gymnasium_robotics.envs.multiagent_mujoco.obsk import build_obs

        data = team.single_agent_env.unwrapped.data
        bodies = team.single_agent_env.unwrapped.model.body
        ends = np.cumsum([0, *(getattr(data, name).size for name in _FIELDS)])

        def built(flat: np.ndarray) -> np.ndarray:
            parts = {
                name: flat[ends[place] : ends[place + 1]].reshape(getattr(data, name).shape)
                for place, name in enumerate(_FIELDS)
            }
            fake = SimpleNamespace(**parts, body=lambda name: SimpleNamespace(xpos=parts["xpos"][bodies(name).id]))
            nodes = team.k_dicts[number], team.local_categories, team.mujoco_globals, team.global_categories
            found: np.ndarray = build_obs(fake, *nodes)
            return found

        unit = 2.0**-40  # so small that nothing is clipped
        sources = built(np.arange(1, ends[-1] + 1) * unit) / unit - 1
        places = np.round(sources).astype(np.int64)
        lowest, highest = built(np.full(ends[-1], -_FAR)), built(np.full(ends[-1], _FAR))
        self._low, self._high = np.where(lowest == -_FAR, -np.inf, lowest), np.where(highest == _FAR, np.inf, highest)
        self._clipped = np.flatnonzero(np.isfinite(self._low) | np.isfinite(self._high))
        if not np.array_equal(sources, places) or (places < 0).any() or (places >= ends[-1]).any():
            raise ValueError(f"agent {number} of {team.metadata['name']} sees numbers that MuJoCo does not hold")
        field = np.searchsorted(ends, places, side="right") - 1
        self._width = len(places)
        self._columns = [
            (name, np.flatnonzero(field == place), places[field == place] - ends[place])
            for place, name in enumerate(_FIELDS)
            if (field == place).any()
        ]
        self.fields = {name for name, _, _ in self._columns}
        """The fields of MjData that it looks at."""

    def __call__(self, d: Any) -> np.ndarray:
        """Return observations ``[copies, numbers]``."""
        many = len(d.models)
        seen = np.empty((many, self._width))
        for name, columns, places in self._columns:
            seen[:, columns] = d[name].reshape(many, -1)[:, places]
        if len(self._clipped):
            seen[:, self._clipped] = np.clip(
                seen[:, self._clipped], self._low[self._clipped], self._high[self._clipped]
            )
        return seen
