"""Robots of gymnasium-robotics: Fetch, the Shadow hand, the Adroit hand and the Franka kitchen."""

from __future__ import annotations

from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.tasks._mujoco_parameters import (
    ARMATURE,
    DAMPING,
    GRAVITY,
    JOINT_FRICTION,
    MASS,
    SERVO_GAIN,
    crosspush,
    friction,
    frictions,
    masses,
    push,
)

_Parameters = tuple[DynamicsParameter, ...]

_TRACKING = DynamicsParameter(
    "tracking_time", "time in which the gripper follows the place that actions give it", "s", 0.02, 0.25, 10.0
)
_SIZE = DynamicsParameter(
    "object_size", "size of the object, at the same mass", "of nominal", 1.0, 0.6, 1.5, drawn=False
)
_ABOUT_SHAPE = "shape of the object, at the same mass"
_BLOCK = SemanticShift("object", _ABOUT_SHAPE, "box", ("box", "cylinder", "sphere"), ("cylinder", "sphere"))
_PUCK = SemanticShift("object", _ABOUT_SHAPE, "cylinder", ("cylinder", "box", "sphere"), ("box", "sphere"))
_IN_HAND = ("box", "cylinder", "sphere", "ellipsoid")
_PEN = SemanticShift("object", _ABOUT_SHAPE, "capsule", ("capsule", "cylinder", "box"), ("cylinder", "box"))


def _task(
    name: str,
    about: str,
    base: dict[str, Any],
    adapter: str,
    horizon: int,
    dynamics: _Parameters,
    source: str,
    *,
    semantic: tuple[SemanticShift, ...] = (),
    builder: str = "robot",
    observation: Any = "dict",
    slow: bool = True,
    steps: tuple[int, int, int] = (1_000, 50_000, 1_000_000),
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="robotics",
            about=about,
            base=f"robust_gym.tasks._robotics_env:{builder}",
            adapter=f"robust_gym.tasks._robotics_dynamics:{adapter}",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            semantic={shift.name: shift for shift in semantic},
            observation=observation,
            kwargs=base,
            modules=("gymnasium_robotics", "mujoco", "imageio"),
            install='pip install "robust-gym[robotics]"',
            steps=dict(zip(("smoke", "quick", "standard"), steps, strict=True)),
            source=source,
            slow=slow,
        )
    )


def _object(kilograms: float, newton: float) -> _Parameters:
    """Describe what all tasks with an object share."""
    return (*masses(object=kilograms), _SIZE, push(newton, "object"), crosspush(newton, "object"))


# Fetch.

_ARM = (GRAVITY, DAMPING, ARMATURE, _TRACKING)
_FETCH = {
    "Reach": (
        "A robot arm moves its gripper to a point.",
        "ReachDynamics",
        (*_ARM, MASS),
        (),
    ),
    "Push": (
        "A robot arm with a closed gripper pushes a block to a goal on the table.",
        "BlockDynamics",
        (*_ARM, friction(1.0), *frictions(table=1.0), *_object(2.0, 50.0)),
        (_BLOCK,),
    ),
    "Slide": (
        "A robot arm hits a puck so that it slides to a goal out of reach.",
        "PuckDynamics",
        (*_ARM, friction(1.0), *frictions(table=0.1), *_object(2.0, 20.0)),
        (_PUCK,),
    ),
    "PickAndPlace": (
        "A robot arm takes a block to a goal on the table or in the air.",
        "BlockDynamics",
        (*_ARM, SERVO_GAIN, friction(1.0), *frictions(table=1.0), *_object(2.0, 50.0)),
        (_BLOCK,),
    ),
}
for _name, (_about, _adapter, _dynamics, _semantic) in _FETCH.items():
    for _dense in ("", "Dense"):
        _task(
            f"Fetch{_name}{_dense}",
            _about[:-1] + (", rewarded for being near." if _dense else ", rewarded when it is there."),
            {"id": f"Fetch{_name}{_dense}-v4"},
            _adapter,
            50,
            _dynamics,
            "Gymnasium-Robotics Fetch v4 (Plappert et al., Multi-Goal Reinforcement Learning, 2018)",
            semantic=_semantic,
            slow=_name != "Reach" or bool(_dense),
        )

# The Shadow hand.

_HAND = (GRAVITY, DAMPING, JOINT_FRICTION, ARMATURE, SERVO_GAIN)
_HAND_SOURCE = "Gymnasium-Robotics Shadow hand (Plappert et al., Multi-Goal Reinforcement Learning, 2018)"
_TOUCH_SOURCE = (
    "Gymnasium-Robotics Shadow hand with touch sensors (Melnik et al., Using tactile sensing to improve the sample "
    "efficiency and performance of deep deterministic policy gradients for simulated in-hand manipulation tasks, 2021)"
)
_TOUCH = {
    "": "",
    "BooleanTouchSensors": ", feeling where it touches",
    "ContinuousTouchSensors": ", feeling where and how hard it touches",
}
_MANIPULATED = {
    "Block": (
        "HandBlockDynamics",
        0.0709,
        SemanticShift("object", _ABOUT_SHAPE, "box", _IN_HAND, ("cylinder", "ellipsoid")),
        {
            "": "brings a block to a place and orientation",
            "RotateZ": "turns a block about the vertical axis",
            "RotateParallel": "turns a block onto one of its faces",
            "RotateXYZ": "turns a block to any orientation",
        },
    ),
    "Egg": (
        "HandBlockDynamics",
        0.1508,
        SemanticShift("object", _ABOUT_SHAPE, "ellipsoid", _IN_HAND, ("box", "sphere")),
        {"": "brings an egg to a place and orientation", "Rotate": "turns an egg to any orientation"},
    ),
    "Pen": (
        "HandPenDynamics",
        0.04236,
        _PEN,
        {"": "brings a pen to a place and orientation", "Rotate": "turns a pen to point in any direction"},
    ),
}

_task(
    "HandReach",
    "A robot hand brings its thumb and a finger together.",
    {"id": "HandReach-v3"},
    "RobotDynamics",
    50,
    (*_HAND, MASS),
    _HAND_SOURCE,
)
for _name, (_adapter, _mass, _shift, _variants) in _MANIPULATED.items():
    for _variant, _about in _variants.items():
        for _touch, _feeling in _TOUCH.items():
            _task(
                f"HandManipulate{_name}{_variant}{_touch}",
                f"A robot hand {_about}{_feeling}.",
                {"id": f"HandManipulate{_name}{_variant}{'_' * bool(_touch)}{_touch}-v1"},
                _adapter,
                100,
                (*_HAND, friction(1.0), *_object(_mass, 1.0)),
                _TOUCH_SOURCE if _touch else _HAND_SOURCE,
                semantic=(_shift,),
            )

# The Adroit hand.

_ADROIT = (GRAVITY, DAMPING, JOINT_FRICTION, ARMATURE, SERVO_GAIN, friction(1.0))
_HINGE = (
    DynamicsParameter("hinge_friction", "dry friction in the door's hinge", "N m", 2.0, 0.0, 10.0),
    DynamicsParameter("hinge_damping", "damping in the door's hinge", "N m s", 1.0, 0.0, 10.0),
)
_ADROIT_TASKS = {
    "Door": (
        "A robot hand undoes a latch and opens a door.",
        "AdroitDynamics",
        (*masses(hand=4.911, door=5.972), *_HINGE),
    ),
    "Hammer": (
        "A robot hand takes a hammer and drives a nail into a board.",
        "AdroitDynamics",
        (*masses(hand=4.911, object=0.2534), push(2.0, "object"), crosspush(2.0, "object")),
    ),
    "Pen": (
        "A robot hand turns a pen to a given orientation.",
        "AdroitObjectDynamics",
        _object(0.182, 1.0),
    ),
    "Relocate": (
        "A robot hand takes a ball to a place in the air.",
        "AdroitObjectDynamics",
        (*masses(hand=4.911), *_object(0.1796, 1.0)),
    ),
}
for _name, (_about, _adapter, _dynamics) in _ADROIT_TASKS.items():
    _task(
        f"AdroitHand{_name}",
        _about,
        {"id": f"AdroitHand{_name}-v1"},
        _adapter,
        200,
        (*_ADROIT, *_dynamics),
        "Gymnasium-Robotics Adroit v1, rewards of release 1.2.1 (Rajeswaran et al., Learning Complex Dexterous "
        "Manipulation with Deep Reinforcement Learning and Demonstrations, RSS 2018)",
        observation="box",
        slow=False,
    )

# The kitchen.

_task(
    "FrankaKitchen",
    "A robot arm opens, turns, switches and moves seven things in a kitchen.",
    {},
    "KitchenDynamics",
    280,
    (GRAVITY, DAMPING, JOINT_FRICTION, ARMATURE, SERVO_GAIN, friction(1.0), *masses(arm=18.0, kettle=0.88)),
    "Gymnasium-Robotics FrankaKitchen v1 (Gupta et al., Relay Policy Learning, CoRL 2019; Fu et al., D4RL, 2020)",
    semantic=(SemanticShift("tasks", "what is asked for", "all", ("all", "complete", "mixed"), ("complete", "mixed")),),
    builder="kitchen",
)
