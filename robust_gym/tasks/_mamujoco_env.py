"""MaMuJoCo's robots, built in memory; and how their dynamics are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from gymnasium.wrappers import TimeLimit

from robust_gym import registry
from robust_gym.task import Task
from robust_gym.tasks import undisturbed
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics
from robust_gym.tasks._mujoco_geometry import quiet
from robust_gym.tasks._robotics_library import load as load_library


def team(scenario: str, agent_conf: str, agent_obsk: int | None = 1, **kwargs: Any) -> Any:
    """Make one of MaMuJoCo's robots.

    Args:
        scenario: The robot, as MaMuJoCo calls it.
        agent_conf: How its joints are shared out, such as ``"2x4"``.
        agent_obsk: How many joints away an agent sees.
        **kwargs: Arguments of the single-agent environment, such as ``render_mode``.

    Raises:
        ValueError: If there is no such robot.
    """
    load_library()
    from robust_gym.tasks._mamujoco_team import Team

    return Team(scenario, agent_conf, _robot(scenario, agent_conf, kwargs), agent_obsk)


def safe_team(scenario: str, agent_conf: str, threshold: float, agent_obsk: int | None = 1, **kwargs: Any) -> Any:
    """Make a robot whose every step faster than ``threshold``, in m/s, costs 1; the rest is that of `team`."""
    load_library()
    from robust_gym.tasks._mamujoco_team import SafeTeam

    return SafeTeam(scenario, agent_conf, _robot(scenario, agent_conf, kwargs), agent_obsk, threshold=threshold)


def _robot(scenario: str, agent_conf: str, kwargs: Mapping[str, Any]) -> Any:
    """Build the single-agent environment, with its time limit."""
    from robust_gym.tasks._mamujoco_team import SEGMENTED, CoupledCheetahs

    if scenario == "CoupledHalfCheetah":
        import mujoco

        with quiet(mujoco):
            return TimeLimit(CoupledCheetahs(**kwargs), 1000)
    segmented = scenario.removeprefix("ManySegment")
    task = registry.task(f"Robust-{segmented}-v0")
    if segmented == scenario:
        return TimeLimit(undisturbed(task, **kwargs), task.horizon)
    agents, segments = map(int, agent_conf.split("x"))
    return TimeLimit(SEGMENTED[segmented](agents * segments, **kwargs), task.horizon)


class TeamDynamics(MujocoDynamics):
    """Writes into the robot that a team shares.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        super().__init__(env.single_agent_env.unwrapped, task)


class CoupledDynamics(TeamDynamics):
    """Writes also into the tendon between two cheetahs."""

    handled: ClassVar[Collection[str]] = ("tendon_stiffness",)

    def write(self, values: Mapping[str, float | str]) -> None:
        """Write the tendon's stiffness, N/m."""
        model, _ = self.physics()
        nominal = self._task.dynamics["tendon_stiffness"].nominal
        model.tendon_stiffness[:] = nominal * float(values.get("tendon_stiffness", 1.0))
