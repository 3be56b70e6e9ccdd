"""What can be disturbed in each domain of DeepMind Control: plain data, with masses and lengths of the compiled models.

Ranges of lengths follow realworldrl_suite (Dulac-Arnold et al., 2020) where it has them.
"""

from __future__ import annotations

from robust_gym.task import DynamicsParameter
from robust_gym.tasks._mujoco_parameters import (
    ARMATURE,
    CROSSWIND,
    DAMPING,
    GAIN,
    GRAVITY,
    JOINT_FRICTION,
    MASS,
    SERVO_GAIN,
    STIFFNESS,
    WIND,
    crosspush,
    friction,
    lengths,
    lift,
    masses,
    push,
)

Parameters = tuple[DynamicsParameter, ...]

_SWIM = (
    DynamicsParameter("wind", "current of the fluid along +x", "m/s", 0.0, -2.0, 2.0, mode="set"),
    DynamicsParameter("crosswind", "current of the fluid along +y", "m/s", 0.0, -2.0, 2.0, mode="set"),
)
_ROAM = (GRAVITY, WIND, CROSSWIND)


def _density(nominal: float) -> DynamicsParameter:
    return DynamicsParameter("fluid_density", "density of the fluid", "kg/m³", nominal)


def _in_plane(newton: float, *bodies: str) -> Parameters:
    return tuple(force(newton, body) for body in bodies for force in (push, lift))


def _level(newton: float, *bodies: str) -> Parameters:
    return tuple(force(newton, body) for body in bodies for force in (push, crosspush))


def _cartpole(*poles: str) -> Parameters:
    return (
        *(GRAVITY, WIND, DAMPING, GAIN, push(5.0)),
        *masses(cart=1.0, **dict.fromkeys(poles, 0.1)),
        *lengths(low=0.3, high=3.0, drawn=False, **dict.fromkeys(poles, 1.0)),
    )


def _arm(**things: float) -> Parameters:
    """Return the parameters of the manipulator and stacker, and the masses of what they handle."""
    links = masses(upper_arm=0.130, middle_arm=0.078, lower_arm=0.043, hand=0.031)
    return (GRAVITY, friction(0.7), DAMPING, GAIN, *links, *masses(**things))


_DOG = (
    *(*_ROAM, friction(0.9), DAMPING, STIFFNESS, GAIN, *_level(60.0, "")),
    *masses(torso=5.429, pelvis=1.155, hind_legs=1.961, forelegs=1.152, tail=0.052, skull=0.491),
)
_FINGER = (
    *(DAMPING, GAIN, *masses(proximal=0.833, distal=0.687)),
    *lengths(low=0.7, high=1.5, proximal=0.170, distal=0.160),
)
_HUMANOID = (*_ROAM, friction(1.0), DAMPING, STIFFNESS, GAIN, *_level(500.0, ""))
_LEGS = "front_left_leg", "front_right_leg", "back_right_leg", "back_left_leg"
_QUADRUPED = (
    *(*_ROAM, friction(1.5), DAMPING, SERVO_GAIN, *_level(500.0, "")),
    *masses(torso=67.858, **dict.fromkeys(_LEGS, 9.815)),
)
_QUADRUPED_LENGTHS = lengths(thigh=0.320, shin=0.354, foot=0.250)

SUITE: dict[str, Parameters] = {
    "acrobot": (
        *(GRAVITY, WIND, DAMPING, GAIN, push(5.0, "lower_arm")),
        *masses(upper_arm=1.0, lower_arm=1.0),
        *lengths(upper_arm=1.0, lower_arm=1.0),
    ),
    "ball_in_cup": (*(GRAVITY, WIND, DAMPING, STIFFNESS, GAIN, push(0.5, "ball")), *masses(cup=0.065, ball=0.065)),
    "cartpole": _cartpole("pole_1"),
    "cartpole of 2": _cartpole("pole_1", "pole_2"),
    "cartpole of 3": _cartpole("pole_1", "pole_2", "pole_3"),
    "cheetah": (
        *(GRAVITY, WIND, friction(1.0), DAMPING, STIFFNESS, GAIN, *_in_plane(200.0, "", "bfoot", "ffoot")),
        *masses(torso=6.250, bthigh=1.544, bshin=1.587, bfoot=1.095, fthigh=1.438, fshin=1.201, ffoot=0.885),
        *lengths(torso=1.0, bthigh=0.290, bshin=0.300, bfoot=0.188, fthigh=0.266, fshin=0.212, ffoot=0.140),
    ),
    "dog": _DOG,
    "dog with a ball": (*_DOG, *masses(ball=0.056)),
    "finger": (friction(1.0), JOINT_FRICTION, *_FINGER, *masses(spinner=2.459)),
    # Friction and the spinner's mass act only where the finger strikes it, which few random actions do.
    "finger apart": _FINGER,
    "fish": (
        *(*_SWIM, _density(5000.0), DAMPING, STIFFNESS, SERVO_GAIN),
        *masses(torso=0.029, tail1=0.001, tail2=0.003, finright=0.001, finleft=0.001),
    ),
    "hopper": (
        *(GRAVITY, WIND, friction(1.0), DAMPING, GAIN, *_in_plane(200.0, ""), *_in_plane(100.0, "foot")),
        *masses(torso=4.828, pelvis=3.141, thigh=1.927, calf=1.018, foot=1.525),
        *lengths(thigh=0.330, calf=0.320, foot=0.250),
    ),
    "humanoid": (
        *_HUMANOID,
        *masses(torso=5.854, head=3.054, lower_waist=2.262, pelvis=6.616),
        *masses(right_thigh=4.752, right_shin=2.756, right_foot=1.131, right_upper_arm=1.661, right_lower_arm=1.230),
        *masses(left_thigh=4.752, left_shin=2.756, left_foot=1.131, left_upper_arm=1.661, left_lower_arm=1.230),
        *lengths(thigh=0.340, shin=0.300, upper_arm=0.277, lower_arm=0.277),
    ),
    "humanoid_CMU": (
        *(*_ROAM, friction(0.7), DAMPING, STIFFNESS, GAIN, *_level(500.0, "")),
        *masses(root=6.129, lowerback=4.872, thorax=16.410, head=4.228, lhumerus=2.155, rhumerus=2.155),
        *masses(lfemur=4.750, ltibia=3.198, rfemur=4.750, rtibia=3.198),
    ),
    "manipulator of a ball": _arm(ball=0.045),
    "manipulator of a peg": _arm(peg=0.015),
    "pendulum": (*(GRAVITY, WIND, DAMPING, GAIN, push(5.0)), *masses(pole=1.0), *lengths(pole=0.5)),
    "point_mass": (DAMPING, GAIN, WIND, CROSSWIND, *_level(0.5, ""), *masses(pointmass=0.3)),
    "quadruped": (*_QUADRUPED, *_QUADRUPED_LENGTHS),
    "quadruped in a bowl": _QUADRUPED,
    "quadruped with a ball": (*_QUADRUPED, *masses(ball=14.137), *_QUADRUPED_LENGTHS),
    "reacher": (
        *(DAMPING, GAIN, *_level(0.5, "finger"), *masses(arm=0.042, hand=0.036, finger=0.004)),
        *lengths(arm=0.120, hand=0.100),
    ),
    "stacker of 2": _arm(box0=0.085, box1=0.085),
    "stacker of 4": _arm(box0=0.085, box1=0.085, box2=0.085, box3=0.085),
    "swimmer": (*_SWIM, _density(3000.0), GAIN, MASS, *_level(0.1, "")),
    "walker": (
        *(GRAVITY, WIND, friction(0.7), DAMPING, GAIN, *_in_plane(300.0, "")),
        *masses(torso=10.673, right_thigh=4.058, right_leg=2.781, right_foot=2.094),
        *masses(left_thigh=4.058, left_leg=2.781, left_foot=2.094),
        *lengths(high=2.3, torso=0.600),
        *lengths(low=0.45, high=3.0, thigh=0.450),
        *lengths(leg=0.500, foot=0.200),
    ),
}
"""Parameters by domain, and by variant where a domain's models differ."""

REACHING_JACO = (GRAVITY, DAMPING, JOINT_FRICTION, ARMATURE, SERVO_GAIN, *masses(arm=2.929, gripper=0.664))


def jaco(*bricks: str, **things: float) -> Parameters:
    """Return the parameters of the Jaco arm with loose bricks, by name, and with other things, by mass in kg.

    dm_control calls bricks by even numbers, the first by none; those with odd numbers are translucent hints of the
    goal. The base of a stack may be fixed to the table, where its mass does nothing.
    """
    return (*REACHING_JACO, friction(1.0), *masses(**dict.fromkeys(bricks, 0.012), **things))


POSITION_CONTROLLED_HUMANOID: Parameters = (
    *(*_ROAM, friction(1.0), DAMPING, STIFFNESS, SERVO_GAIN, *_level(500.0, "")),
    *masses(root=6.129, lowerback=3.864, thorax=7.469, head=2.179, lhumerus=1.682, rhumerus=1.682),
    *masses(lfemur=5.027, ltibia=3.284, rfemur=5.027, rtibia=3.284),
)
