"""The five classic control tasks of Gymnasium."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task

_P = DynamicsParameter


def _task(
    name: str,
    base: str,
    about: str,
    dynamics: tuple[DynamicsParameter, ...],
    horizon: int,
    *,
    continuous: bool = False,
    null_action: int | None = None,
    standard: int = 200_000,
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="classic_control",
            about=about,
            base=base,
            adapter="robust_gym.tasks.classic_control:AttributeDynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            action="box" if continuous else "discrete",
            null_action=null_action,
            steps={"smoke": 2_000, "quick": 50_000, "standard": standard},
            source="Gymnasium classic control (Barto et al., 1983; Sutton, 1996; Moore, 1990)",
        )
    )


_task(
    "CartPole",
    "CartPole-v1",
    "Push a cart left or right to keep a pole upright.",
    (
        _P("gravity", "gravitational acceleration", "m/s²", 9.8),
        _P("masscart", "mass of the cart", "kg", 1.0),
        _P("masspole", "mass of the pole", "kg", 0.1),
        _P("length", "half the length of the pole", "m", 0.5),
        _P("force_mag", "force of a push", "N", 10.0),
        _P("tau", "time between two actions", "s", 0.02, 0.25, 4.0),
    ),
    500,
)
_task(
    "MountainCar",
    "MountainCar-v0",
    "Rock a weak car out of a valley.",
    (
        _P("force", "acceleration of a push", "per step²", 0.001),
        _P("gravity", "steepness of the valley's pull", "per step²", 0.0025),
    ),
    200,
    null_action=1,
)
_task(
    "MountainCarContinuous",
    "MountainCarContinuous-v0",
    "Rock a weak car out of a valley, with a continuous throttle.",
    (_P("power", "acceleration at full throttle", "per step²", 0.0015),),
    999,
    continuous=True,
)
_task(
    "Pendulum",
    "Pendulum-v1",
    "Swing a pendulum up and keep it there.",
    (
        _P("gravity", "gravitational acceleration", "m/s²", 10.0),
        _P("mass", "mass of the pendulum", "kg", 1.0),
        _P("length", "length of the pendulum", "m", 1.0, 0.25, 4.0),
        _P("dt", "time between two actions", "s", 0.05, 0.25, 4.0),
    ),
    200,
    continuous=True,
)
_task(
    "Acrobot",
    "Acrobot-v1",
    "Swing a two-link arm above a line with a torque between the links.",
    (
        _P("link_length_1", "length of the first link", "m", 1.0, 0.25, 4.0),
        _P("link_mass_1", "mass of the first link", "kg", 1.0),
        _P("link_mass_2", "mass of the second link", "kg", 1.0),
        _P("link_com_pos_1", "centre of mass of the first link", "m", 0.5, 0.25, 2.0),
        _P("link_com_pos_2", "centre of mass of the second link", "m", 0.5, 0.25, 2.0),
        _P("link_moi", "moment of inertia of each link", "kg m²", 1.0),
        _P("torque", "torque of a push", "N m", 1.0),
        _P("dt", "time between two actions", "s", 0.2, 0.25, 4.0),
    ),
    500,
    null_action=1,
)

# Parameters whose attribute in Gymnasium has another name.
_ATTRIBUTES = {
    "Robust-Pendulum-v0": {"gravity": "g", "mass": "m", "length": "l"},
    "Robust-Acrobot-v0": {
        "link_length_1": "LINK_LENGTH_1",
        "link_mass_1": "LINK_MASS_1",
        "link_mass_2": "LINK_MASS_2",
        "link_com_pos_1": "LINK_COM_POS_1",
        "link_com_pos_2": "LINK_COM_POS_2",
        "link_moi": "LINK_MOI",
        "torque": "AVAIL_TORQUE",
    },
}


class AttributeDynamics:
    """Writes dynamics into attributes of the environment object.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env
        names = _ATTRIBUTES.get(task.id, {})
        self._attributes = {parameter: names.get(parameter, parameter) for parameter in task.dynamics}
        self._nominal = {attribute: getattr(env, attribute) for attribute in self._attributes.values()}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before the reset."""
        self._write({name: float(value) for name, value in values.items()})

    def apply(self, values: Mapping[str, float]) -> None:
        """Write within an episode."""
        self._write(values)

    def _write(self, values: Mapping[str, float]) -> None:
        for parameter, attribute in self._attributes.items():
            factor = values.get(parameter, 1.0)
            nominal = self._nominal[attribute]
            scaled = [factor * one for one in nominal] if isinstance(nominal, list) else factor * nominal
            setattr(self._env, attribute, scaled)
        if hasattr(self._env, "polemass_length"):  # CartPole computes with products it has stored
            self._env.total_mass = self._env.masspole + self._env.masscart
            self._env.polemass_length = self._env.masspole * self._env.length
