"""The fifty manipulation tasks of Meta-World, goals observed: a Sawyer arm whose hand is dragged through space."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task
from robust_gym.tasks._mujoco_parameters import GRAVITY, SERVO_GAIN, crosspush, friction, push

_ARM = (
    GRAVITY,
    SERVO_GAIN,
    DynamicsParameter("arm_damping", "damping of the arm's joints and fingers", "of nominal", 1.0, 0.1, 5.0),
    DynamicsParameter("action_scale", "how far a full action moves the hand's goal along an axis", "m", 0.01, 0.1, 3.0),
    push(30.0, "hand"),
    crosspush(30.0, "hand"),
)
_FRICTION = friction(2.0)
_DAMPING = DynamicsParameter("object_damping", "damping of the joints of all objects", "of nominal", 1.0, 0.1, 5.0)
_STIFFNESS = DynamicsParameter("object_stiffness", "stiffness of the button's spring", "of nominal", 1.0, 0.1, 5.0)


_ALONG, _ACROSS = push(2.0, "object"), crosspush(2.0, "object")


def _mass(nominal: float) -> DynamicsParameter:
    return DynamicsParameter("object_mass", "mass and inertia of all objects that can move", "kg", nominal)


def _free(mass: float, weight: float | None = None) -> tuple[DynamicsParameter, ...]:
    """Return the parameters of objects that lie about, the heaviest pushed by up to twice its own ``weight``, in N."""
    newton = round(2 * (weight or 10 * mass), 3)
    return (_mass(mass), push(newton, "object"), crosspush(newton, "object"))


# A task takes the checks some ten seconds: CI tries one of each sort of thing that is handled, the rest is nightly.
_QUICK = {
    *("assembly", "basketball", "button_press", "coffee_button", "dial_turn", "door_open", "drawer_close", "hammer"),
    *("handle_press_side", "lever_pull", "plate_slide", "reach", "window_open"),
}


def _tasks(dynamics: tuple[DynamicsParameter, ...], /, **abouts: str) -> None:
    """Register tasks whose objects have the same parameters."""
    for name, about in abouts.items():
        register_task(
            Task(
                id=f"Robust-Metaworld{''.join(word.capitalize() for word in name.split('_'))}-v0",
                family="metaworld",
                about=f"A Sawyer arm {about}.",
                base="robust_gym.tasks._metaworld_env:make",
                adapter="robust_gym.tasks._metaworld_env:SawyerDynamics",
                horizon=500,
                dynamics={parameter.name: parameter for parameter in (*_ARM, *dynamics)},
                kwargs={"name": f"{name.replace('_', '-')}-v3"},
                modules=("metaworld", "mujoco", "imageio", "scipy"),
                install='pip install "robust-gym[metaworld]" && pip install --no-deps metaworld==3.1.1',
                source="Meta-World (Yu et al., CoRL 2019; McLean et al., 2025), version 3 of its tasks",
                slow=name not in _QUICK,
            )
        )


# A task has only the parameters whose effect shows in two hundred random actions: where those never touch an object,
# its mass, damping and friction are left out.
_tasks((_FRICTION, *_free(0.22)), assembly="puts a nut onto a peg", disassemble="takes a nut off a peg")
_tasks(_free(0.1), basketball="dunks a basketball", sweep="sweeps a puck off the table")
_tasks((_FRICTION, *_free(0.1)), bin_picking="moves a puck from one bin to another")
_tasks((_FRICTION, *_free(0.25)), box_close="puts the lid onto a box")
_tasks(
    (_mass(0.01), _DAMPING, _STIFFNESS, _ACROSS),
    button_press="presses a button on a wall",
    button_press_wall="presses a button behind a wall",
    button_press_topdown="presses a button from above",
    button_press_topdown_wall="presses a button from above, behind a wall",
)
_tasks((), coffee_button="presses the button of a coffee machine")
_tasks(
    (_FRICTION, *_free(0.21, weight=1.1)),
    coffee_pull="pulls a mug away from a coffee machine",
    coffee_push="pushes a mug under a coffee machine",
)
_tasks((), dial_turn="turns a dial half round")
_tasks((_ALONG, _ACROSS), door_open="opens a door on its hinge")
_tasks((_FRICTION, _mass(2.23), _DAMPING, _ALONG, _ACROSS), door_close="closes a door on its hinge")
_tasks((_FRICTION, _mass(0.001), _DAMPING, _ALONG), door_lock="locks a door", door_unlock="unlocks a door")
_tasks((_mass(0.38), _DAMPING, _ACROSS), drawer_open="opens a drawer")
_tasks((_FRICTION, _mass(0.38), _DAMPING, _ACROSS), drawer_close="closes a drawer")
_tasks((_ALONG,), faucet_open="turns a faucet open", faucet_close="turns a faucet shut")
_tasks((_FRICTION, *_free(1.189)), hammer="drives a nail into a block with a hammer")
_tasks(
    (_FRICTION, *_free(0.01)),
    hand_insert="puts its gripper into a hole",
    sweep_into="sweeps a puck into a hole",
)
_tasks((_FRICTION, _mass(0.002), _DAMPING), handle_press="presses a handle down", handle_pull="pulls a handle up")
_tasks(
    (_mass(0.002), _DAMPING),
    handle_press_side="presses a handle down, from its side",
    handle_pull_side="pulls a handle up, from its side",
)
_tasks((_FRICTION, _mass(0.004), _DAMPING, _ACROSS), lever_pull="pulls a lever up")
_tasks((_FRICTION, _DAMPING, *_free(0.1)), peg_insert_side="puts a peg into a hole in a wall")
_tasks((_FRICTION, *_free(0.08)), peg_unplug_side="pulls a plug out of a wall")
_tasks((_FRICTION, *_free(0.01)), pick_out_of_hole="takes a puck out of a hole")
_tasks(_free(0.01), shelf_place="puts a puck onto a shelf")
_tasks(
    (_FRICTION, *_free(0.75)),
    pick_place="picks a puck up and brings it to a goal",
    pick_place_wall="picks a puck up and brings it to a goal behind a wall",
    push="pushes a puck to a goal",
    push_wall="pushes a puck round a wall to a goal",
)
_tasks(
    (_FRICTION, *_free(0.75)),
    reach="brings its hand to a goal",
    reach_wall="brings its hand to a goal behind a wall",
)
_tasks(_free(0.75), push_back="pulls a puck back to a goal")
_tasks(
    (_ALONG, _ACROSS),
    plate_slide="slides a plate forward into a goal",
    plate_slide_back="slides a plate back out of a goal",
    plate_slide_side="slides a plate sideways into a goal",
    plate_slide_back_side="slides a plate sideways out of a goal",
)
_tasks(_free(0.04), soccer="kicks a ball into a goal")
_tasks(
    (_FRICTION, _DAMPING, *_free(3.288)),
    stick_push="grasps a stick and pushes a box with it",
    stick_pull="grasps a stick and pulls a box with it",
)
_tasks((_ALONG,), window_open="slides a window open", window_close="slides a window shut")
