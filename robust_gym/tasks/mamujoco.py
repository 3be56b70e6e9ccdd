"""MaMuJoCo: MuJoCo robots whose joints are shared out among a team of agents, with and without a speed limit."""

from __future__ import annotations

from collections.abc import Iterable

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task
from robust_gym.tasks import mujoco
from robust_gym.tasks._mujoco_parameters import (
    ARMATURE,
    CROSSWIND,
    DAMPING,
    GAIN,
    GRAVITY,
    MASS,
    STIFFNESS,
    WIND,
    crosspush,
    friction,
    masses,
    push,
)

_SOURCE = "MaMuJoCo of Gymnasium-Robotics (Peng et al., NeurIPS 2021; de Lazcano et al., 2024)"
# Splits whose many parameters, joints or contacts take a full check of properties more than about ten seconds.
_SLOW = {"Ant", "HalfCheetah6x1", "Humanoid", "HumanoidStandup", "ManySegmentAnt", "ManySegmentSwimmer10x2"}
_SAFE_SOURCE = "Safe Multi-Agent MuJoCo of Safety-Gymnasium (Gu et al., 2023; Ji et al., NeurIPS 2023), on MuJoCo v5"


def _task(
    robot: str,
    conf: str,
    about: str,
    dynamics: Iterable[DynamicsParameter] = (),
    horizon: int = 1000,
    adapter: str = "TeamDynamics",
    threshold: float | None = None,
) -> None:
    """Register one robot and split of its joints; without parameters, it has those of the single-agent task."""
    name = f"{robot}{conf.replace('|', 'p')}"
    single = None if dynamics else mujoco.TASKS[robot]
    limited = {} if threshold is None else {"threshold": threshold}
    register_task(
        Task(
            id=f"Robust-Ma{name}-v0" if threshold is None else f"Robust-MaSafety{name}Velocity-v0",
            family="mamujoco",
            about=about,
            api="parallel",
            base=f"robust_gym.tasks._mamujoco_env:{'team' if threshold is None else 'safe_team'}",
            adapter=f"robust_gym.tasks._mamujoco_env:{adapter}",
            horizon=horizon if single is None else single.horizon,
            dynamics={parameter.name: parameter for parameter in dynamics} if single is None else single.dynamics,
            kwargs={"scenario": robot, "agent_conf": conf, **limited},
            modules=("mujoco", "imageio", "gymnasium_robotics"),
            install='pip install "robust-gym[robotics]"',
            steps={"smoke": 2_000, "quick": 100_000, "standard": 1_000_000},
            source=_SOURCE if threshold is None else _SAFE_SOURCE,
            cost=threshold is not None,
            # Every agent is told the team's cost, and evaluations sum over agents; Safety-Gymnasium's 25 is for each.
            cost_limit=None if threshold is None else 25.0 * _agents(conf),
            slow=not _SLOW.isdisjoint((robot, name)),
        )
    )


def _agents(conf: str) -> int:
    """Return how many agents a split of joints has: ``"2x4"`` two with four joints each, ``"9|8"`` two."""
    return len(conf.split("|")) if "|" in conf else int(conf.partition("x")[0])


_SEGMENTS = (
    mujoco.CURRENT,
    DynamicsParameter("fluid_density", "density of the fluid", "kg/m³", 4000.0),
    DynamicsParameter("fluid_viscosity", "viscosity of the fluid", "Pa s", 0.1),
    ARMATURE,
    GAIN,
    MASS,
)
_MANY_LEGS = (GRAVITY, WIND, CROSSWIND, friction(1.0), DAMPING, ARMATURE, GAIN, MASS, push(20.0), crosspush(20.0))
_CHEETAHS = (
    GRAVITY,
    WIND,
    friction(0.4),
    DAMPING,
    STIFFNESS,
    GAIN,
    *masses(torso0=7.0, torso1=7.0),
    DynamicsParameter("tendon_stiffness", "stiffness of the tendon between them", "N/m", 0.1, 0.0, 1000.0),
)

# robot, split, what the agents do, speed limit of the safe version (Safety-Gymnasium's, m/s)
_SPLITS: tuple[tuple[str, str, str, float | None], ...] = (
    ("Ant", "2x4", "Two agents, the front and the back legs, run forward", 2.522),
    ("Ant", "2x4d", "Two agents, each of two diagonal legs, run forward", None),
    ("Ant", "4x2", "Four agents, one leg each, run forward", 2.418),
    ("HalfCheetah", "2x3", "Two agents, the back and the front leg, run forward", 3.227),
    ("HalfCheetah", "6x1", "Six agents, one joint each, run forward", 2.932),
    ("Hopper", "3x1", "Three agents, one joint each, hop forward without falling", 0.9613),
    ("Humanoid", "9|8", "Two agents, the upper and the lower body, walk forward without falling", 0.58),
    ("HumanoidStandup", "9|8", "Two agents, the upper and the lower body, stand up from lying on their back", None),
    ("Pusher", "3p", "Three agents, shoulder, elbow and wrist, push a cylinder to a goal", None),
    ("Reacher", "2x1", "Two agents, one joint each, reach for a target", None),
    ("Swimmer", "2x1", "Two agents, one joint each, swim forward in a viscous fluid", 0.04891),
    ("Walker2d", "2x3", "Two agents, the right and the left leg, walk forward without falling", 1.641),
)
for _robot, _conf, _about, _threshold in _SPLITS:
    _task(_robot, _conf, f"{_about}.")
    if _threshold is not None:
        _task(_robot, _conf, f"{_about}; steps faster than {_threshold:g} m/s cost 1.", threshold=_threshold)

_task("ManySegmentSwimmer", "10x2", "Ten agents, two joints each of a long snake, swim forward.", _SEGMENTS)
_task("ManySegmentSwimmer", "5x4", "Five agents, four joints each of a long snake, swim forward.", _SEGMENTS)
_task("ManySegmentSwimmer", "6x1", "Six agents, one joint each of a snake, swim forward.", _SEGMENTS)
_task("ManySegmentAnt", "2x3", "Two agents, three pairs of legs each of a centipede, run forward.", _MANY_LEGS)
_task("ManySegmentAnt", "3x1", "Three agents, one pair of legs each of a centipede, run forward.", _MANY_LEGS)
_task(
    "CoupledHalfCheetah",
    "1p1",
    "Two agents, a cheetah each, run forward, held together by a tendon.",
    _CHEETAHS,
    adapter="CoupledDynamics",
)
