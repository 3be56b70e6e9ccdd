"""The words in which families of MuJoCo tasks write their parameters; ``_mujoco_dynamics`` understands them.

Plain data: importing this loads no simulator.
"""

from __future__ import annotations

from robust_gym.task import DynamicsParameter

FRICTION_ABOUT = "sliding friction of every geom, and so of every contact (MuJoCo takes the larger of the two)"

GRAVITY = DynamicsParameter("gravity", "gravitational acceleration", "m/s²", 9.81, 0.1, 3.0)
WIND = DynamicsParameter("wind", "wind along +x, in air of 1.2 kg/m³", "m/s", 0.0, -20.0, 20.0, mode="set")
CROSSWIND = DynamicsParameter("crosswind", "wind along +y, in air of 1.2 kg/m³", "m/s", 0.0, -20.0, 20.0, mode="set")
DAMPING = DynamicsParameter("joint_damping", "damping of every damped joint", "of nominal", 1.0, 0.0, 5.0)
STIFFNESS = DynamicsParameter("joint_stiffness", "stiffness of every sprung joint", "of nominal", 1.0, 0.0, 10.0)
JOINT_FRICTION = DynamicsParameter(
    "joint_friction", "dry friction of every joint that has some", "of nominal", 1.0, 0.0, 10.0
)
ARMATURE = DynamicsParameter(
    "joint_armature", "inertia of the rotors behind every geared joint", "of nominal", 1.0, 0.1, 10.0
)
GAIN = DynamicsParameter("actuator_gain", "gear of every actuator: torque or force per action", "of nominal", 1.0, 0.0)
SERVO_GAIN = DynamicsParameter(
    "actuator_gain", "strength of every servo: its stiffness, damping and largest force together", "of nominal", 1.0
)
MASS = DynamicsParameter("mass", "mass and inertia of every body", "of nominal", 1.0)


def friction(nominal: float, low: float = 0.05, high: float = 5.0) -> DynamicsParameter:
    """Describe the sliding friction of all geoms; ``nominal`` is the largest of them, that of the gripping foot."""
    return DynamicsParameter("friction", FRICTION_ABOUT, "", nominal, low, high)


def frictions(**nominal: float) -> tuple[DynamicsParameter, ...]:
    """Describe the sliding friction of single bodies or geoms, by name.

    MuJoCo takes the larger friction of two geoms in contact, so one of them matters only while it is the larger.
    """
    return tuple(
        DynamicsParameter(f"{name}_friction", f"sliding friction of {name.replace('_', ' ')}", "", value, 0.05, 5.0)
        for name, value in nominal.items()
    )


def masses(**kilograms: float) -> tuple[DynamicsParameter, ...]:
    """Describe the masses of single bodies, by name: each with all descendants that no other parameter claims."""
    return tuple(
        DynamicsParameter(f"{body}_mass", f"mass and inertia of {body}", "kg", mass, 0.1, 10.0)
        for body, mass in kilograms.items()
    )


def lengths(low: float = 0.5, high: float = 2.0, drawn: bool = False, **metres: float) -> tuple[DynamicsParameter, ...]:
    """Describe the lengths of links, by the name of their body; each is that of the body's longest geom, ends left out.

    Not drawn by ``dynamics:random`` unless asked for: each new shape is compiled, in about two milliseconds.
    """
    return tuple(
        DynamicsParameter(
            f"{body}_length",
            f"length of {body.replace('_', ' ')}, of constant density",
            "m",
            metre,
            low,
            high,
            drawn=drawn,
        )
        for body, metre in metres.items()
    )


def sizes(low: float = 0.5, high: float = 2.0, drawn: bool = False, **metres: float) -> tuple[DynamicsParameter, ...]:
    """Describe the sizes of bodies, by name: all geoms scaled alike; ``metres`` is the largest radius or half-width."""
    return tuple(
        DynamicsParameter(
            f"{body}_size",
            f"size of {body.replace('_', ' ')} in every direction, of constant density",
            "m",
            metre,
            low,
            high,
            drawn=drawn,
        )
        for body, metre in metres.items()
    )


def joint_friction(unit: str, high: float) -> DynamicsParameter:
    """Describe dry friction in the driven joints of a model that has none, up to ``high`` in N m or N."""
    return DynamicsParameter("joint_friction", "dry friction in every driven joint", unit, 0.0, 0.0, high, mode="set")


def push(newton: float, body: str = "") -> DynamicsParameter:
    """Describe a force along +x on a body's centre of mass; without a name, on the robot's main body."""
    return _force("push", "+x", newton, body)


def crosspush(newton: float, body: str = "") -> DynamicsParameter:
    """Describe a force along +y on a body's centre of mass; without a name, on the robot's main body."""
    return _force("crosspush", "+y", newton, body)


def lift(newton: float, body: str = "") -> DynamicsParameter:
    """Describe a force along +z on a body's centre of mass; without a name, on the robot's main body."""
    return _force("lift", "+z", newton, body)


def _force(word: str, direction: str, newton: float, body: str) -> DynamicsParameter:
    return DynamicsParameter(
        f"{body}_{word}" if body else word,
        f"force along {direction} on the centre of mass of {body.replace('_', ' ') or 'the main body'}",
        "N",
        0.0,
        -newton,
        newton,
        mode="set",
        drawn=False,
    )
