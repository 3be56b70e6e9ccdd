"""MaMuJoCo's environment class, mended where it is not reproducible, shares its results or needs an old MuJoCo."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium.envs.mujoco.ant_v5 import AntEnv
from gymnasium.envs.mujoco.swimmer_v5 import SwimmerEnv
from gymnasium.utils import EzPickle
from gymnasium_robotics.envs.multiagent_mujoco import many_segment_ant, many_segment_swimmer
from gymnasium_robotics.envs.multiagent_mujoco.coupled_half_cheetah import CoupledHalfCheetahEnv
from gymnasium_robotics.envs.multiagent_mujoco.mujoco_multi import MultiAgentMujocoEnv
from gymnasium_robotics.envs.multiagent_mujoco.obsk import get_joints_at_kdist, get_parts_and_edges

_PUSHER_JOINTS = ("pan", "lift", "upper_arm_roll", "elbow_flex", "forearm_roll", "wrist_flex", "wrist_roll")

_GRAPH = ("agent_action_partitions", "mujoco_globals", "k_dicts")
"""Attributes of a team that hold MaMuJoCo's graph of joints."""


class Team(MultiAgentMujocoEnv):
    """One robot whose joints are shared out among agents ``agent_0``, ``agent_1`` and so on.

    Each agent's action is a Box, the torques of its joints; it observes its own joints, those ``agent_obsk`` joints
    away, and the robot's root, float64 and unbounded. ``state()`` is the robot's whole observation. All agents get
    the same reward, that of the robot, and the same end. Every dict and array returned is the caller's own.

    Two of MaMuJoCo's own observations are mended. Pusher's first two joints have the same name, by which MaMuJoCo
    sorts, so that their order changes from process to process: here it is fixed. Of CoupledHalfCheetah both agents see
    the joints of the second cheetah: here each sees its own.

    Args:
        scenario: The robot, as MaMuJoCo calls it.
        agent_conf: How its joints are shared out, such as ``"2x4"``.
        robot: The single-agent environment.
        agent_obsk: How many joints away an agent sees.
    """

    def __init__(self, scenario: str, agent_conf: str, robot: Any, agent_obsk: int | None = 1) -> None:
        self._made_of = scenario, agent_conf
        super().__init__(scenario, agent_conf, agent_obsk, _shares(scenario, agent_conf), gym_env=robot)
        self.metadata: dict[str, Any] = {
            **MultiAgentMujocoEnv.metadata,
            "name": f"robust_ma_{scenario}_{agent_conf}_v0",
        }
        if "render_fps" in robot.metadata:
            self.metadata["render_fps"] = robot.metadata["render_fps"]
        self.render_mode = robot.render_mode
        self.state_space = robot.observation_space

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the graph of joints, whose functions cannot be pickled; an agent who sees all has none."""
        left = () if self.agent_obsk is None else _GRAPH
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the graph of joints anew."""
        self.__dict__.update(state)
        if self.agent_obsk is None:
            return
        shares = _shares(*self._made_of)
        self.agent_action_partitions, self.mujoco_globals = shares["partition"], shares["globals"]
        self.k_dicts = [
            get_joints_at_kdist(joints, shares["edges"], k=self.agent_obsk) for joints in self.agent_action_partitions
        ]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: Seeds the robot's initial state; ``None`` lets the generator go on.
            options: Passed to the robot.
        """
        observations, infos = super().reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return observations, {agent: dict(info) for agent, info in infos.items()}

    def step(
        self, actions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all agents act.

        Args:
            actions: Every agent's action.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty once the episode is over.

        Raises:
            ValueError: If an agent has no action, or one of another shape.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        for agent in self.possible_agents:
            shape = self.action_spaces[agent].shape
            if agent not in actions or np.shape(actions[agent]) != shape:
                got = f"got {actions[agent]!r}" if agent in actions else "there is none"
                raise ValueError(f"the action of {agent!r} must be an array of shape {shape}; {got}")
        observations, rewards, terminations, truncations, infos = super().step(dict(actions))
        return (
            observations,
            {agent: float(reward) for agent, reward in rewards.items()},
            {agent: bool(over) for agent, over in terminations.items()},
            {agent: bool(over) for agent, over in truncations.items()},
            {agent: dict(info) for agent, info in infos.items()},
        )

    def _get_obs_agent(self, agent_id: int, data: Any = None) -> np.ndarray:
        robot = self.single_agent_env.unwrapped
        if data is None and isinstance(robot, CoupledCheetahs):
            data = _WithDenseTendons(robot.model, robot.data)
        observation: np.ndarray = super()._get_obs_agent(agent_id, data)
        return observation


class SafeTeam(Team):
    """A team whose every step above a speed costs 1, in every agent's ``info["cost"]``.

    The speed is that in the plane for robots that report both directions, but along x for Swimmer, as in
    Safety-Gymnasium's Safe Multi-Agent MuJoCo.

    Args:
        scenario: See `Team`.
        agent_conf: See `Team`.
        robot: See `Team`.
        agent_obsk: See `Team`.
        threshold: The speed, m/s.
    """

    def __init__(
        self, scenario: str, agent_conf: str, robot: Any, agent_obsk: int | None = 1, *, threshold: float
    ) -> None:
        super().__init__(scenario, agent_conf, robot, agent_obsk)
        self.threshold = threshold
        self._along_x = scenario == "Swimmer"

    def step(
        self, actions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all agents act, and note the cost; see `Team.step`."""
        observations, rewards, terminations, truncations, infos = super().step(actions)
        for info in infos.values():
            speed = info["x_velocity"]
            if not self._along_x:
                speed = np.sqrt(speed**2 + info.get("y_velocity", 0.0) ** 2)
            info["cost"] = float(speed > self.threshold)
        return observations, rewards, terminations, truncations, infos


class CoupledCheetahs(CoupledHalfCheetahEnv):
    """MaMuJoCo's two coupled cheetahs, for every MuJoCo: from 3.6 on the tendon's Jacobian is sparse."""

    def _get_obs(self) -> np.ndarray:
        data = self.data
        tendons = _WithDenseTendons(self.model, data)
        jacobian = tendons.ten_J[0]
        positions = (data.qpos[1:9], data.qpos[10:18])  # without both cheetahs' x
        return np.concatenate([*positions, data.qvel, jacobian[:2], jacobian[9:11], data.ten_length, data.ten_velocity])


class _Segmented(EzPickle):
    """A robot of many segments, copies of which are built as it was: its model is in no file.

    Args:
        segments: How many.
        **kwargs: Arguments of Gymnasium's robot, such as ``render_mode``.
    """

    generator: ClassVar[Any]

    def __init__(self, segments: int, **kwargs: Any) -> None:
        # MaMuJoCo writes the model into its own package, which may be read-only or in use by another process.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "robot.xml"
            self.generator.gen_asset(n_segs=segments, asset_path=str(path))
            super().__init__(xml_file=str(path), **kwargs)
        EzPickle.__init__(self, segments, **kwargs)


class SegmentedAnt(_Segmented, AntEnv):
    """Gymnasium's Ant with more pairs of legs."""

    generator = many_segment_ant


class SegmentedSwimmer(_Segmented, SwimmerEnv):
    """Gymnasium's Swimmer with more links."""

    generator = many_segment_swimmer


SEGMENTED: dict[str, Any] = {"Ant": SegmentedAnt, "Swimmer": SegmentedSwimmer}
"""Robots that MaMuJoCo builds of as many segments as are asked for, by Gymnasium's name."""


class _WithDenseTendons:
    """MuJoCo's data, its tendons' Jacobian a matrix ``[tendons, degrees of freedom]``."""

    def __init__(self, model: Any, data: Any) -> None:
        self._model, self._data = model, data

    @property
    def ten_J(self) -> np.ndarray:  # noqa: N802
        model, data = self._model, self._data
        found: np.ndarray = data.ten_J
        if found.ndim == 2:
            return found
        shape = model if hasattr(model, "ten_J_rownnz") else data
        dense = np.zeros((model.ntendon, model.nv))
        for tendon in range(model.ntendon):
            first = shape.ten_J_rowadr[tendon]
            row = slice(first, first + shape.ten_J_rownnz[tendon])
            dense[tendon, shape.ten_J_colind[row]] = found[row]
        return dense

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


def _shares(scenario: str, agent_conf: str) -> dict[str, Any]:
    """Return MaMuJoCo's own graph of joints and agents, with the two repairs that `Team` tells of."""
    partition, edges, roots = get_parts_and_edges(scenario, agent_conf)
    if scenario == "Pusher":
        for node, label in zip((node for part in partition for node in part), _PUSHER_JOINTS, strict=True):
            node.label = label
    if scenario == "CoupledHalfCheetah":
        for node in partition[0]:
            node.qpos_ids -= 9
            node.qvel_ids -= 9
    return {"partition": partition, "edges": edges, "globals": roots}
