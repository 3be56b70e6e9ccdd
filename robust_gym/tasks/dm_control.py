"""The DeepMind Control Suite, and dm_control's manipulation and locomotion tasks whose observations are features.

Left out: tasks that observe pictures, which need OpenGL; ``lqr``, whose actions have no bounds; and
``reassemble_5_bricks_random_order``, whose episodes depend on those before them whatever the seed.
"""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import Task
from robust_gym.tasks._dm_control_parameters import (
    POSITION_CONTROLLED_HUMANOID,
    REACHING_JACO,
    SUITE,
    Parameters,
    jaco,
)


def _task(
    name: str,
    path: str,
    about: str,
    dynamics: Parameters,
    collection: str = "suite",
    horizon: int = 1000,
    slow: bool = False,
) -> None:
    register_task(
        Task(
            id=f"Robust-Dm{name}-v0",
            family="dm_control",
            about=about,
            base="robust_gym.tasks._dm_control_env:make",
            adapter=f"robust_gym.tasks._dm_control_dynamics:{collection.capitalize()}Dynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            kwargs={"collection": collection, "name": path},
            modules=("dm_control", "shimmy"),
            install='pip install "robust-gym[dm_control]"',
            source=(
                "DeepMind Control Suite (Tassa et al., 2018; Tunyasuvunakool et al., Software Impacts 2020)"
                if collection == "suite"
                else "dm_control (Tunyasuvunakool et al., Software Impacts 2020)"
            ),
            slow=slow,
        )
    )


def _camel(words: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in words.split("_"))


def _suite(variant: str, tasks: dict[str, str], slow: bool = False) -> None:
    """Register tasks, ``{name: about}``, whose models take the parameters of one variant of a domain."""
    domain = variant.split(" ")[0]
    for name, about in tasks.items():
        words = name if name.startswith(domain) else f"{domain}_{name}"
        _task(_camel(words), f"{domain}/{name}", about, SUITE[variant], slow=slow)


_suite(
    "acrobot",
    {
        "swingup": "A motor between two links swings both up and balances them; the reward is smooth.",
        "swingup_sparse": "A motor between two links swings both up and balances them; the reward is sparse.",
    },
)
_suite("ball_in_cup", {"catch": "A cup swings up the ball on its string and catches it."})
_suite(
    "cartpole",
    {
        "balance": "A cart keeps a pole upright; the reward is smooth.",
        "balance_sparse": "A cart keeps a pole upright; the reward is sparse.",
        "swingup": "A cart swings up a hanging pole; the reward is smooth.",
        "swingup_sparse": "A cart swings up a hanging pole; the reward is sparse.",
    },
)
_suite("cartpole of 2", {"two_poles": "A cart swings up two linked poles."})
_suite("cartpole of 3", {"three_poles": "A cart swings up three linked poles."})
_suite("cheetah", {"run": "A planar two-legged robot runs forward at up to 10 m/s."})
_suite(
    "dog",
    {
        "stand": "A dog with 38 actuators stands.",
        "walk": "A dog with 38 actuators walks at 1 m/s.",
        "trot": "A dog with 38 actuators trots at 3 m/s.",
        "run": "A dog with 38 actuators runs at 9 m/s.",
    },
    slow=True,
)
_suite("dog with a ball", {"fetch": "A dog with 38 actuators fetches a ball that was thrown."}, slow=True)
_suite("finger", {"spin": "A planar finger keeps a body on a hinge spinning."})
_suite(
    "finger apart",
    {
        "turn_easy": "A planar finger turns a body on a hinge until its tip meets a large target.",
        "turn_hard": "A planar finger turns a body on a hinge until its tip meets a small target.",
    },
)
_suite(
    "fish",
    {"upright": "A fish turns upright in a fluid.", "swim": "A fish swims to a target in a fluid."},
)
_suite(
    "hopper",
    {
        "stand": "A planar one-legged robot stands at its full height.",
        "hop": "A planar one-legged robot hops forward at 2 m/s.",
    },
)
_suite(
    "humanoid",
    {
        "stand": "A humanoid stands up and keeps standing.",
        "walk": "A humanoid walks at 1 m/s.",
        "run": "A humanoid runs at 10 m/s.",
        "run_pure_state": "A humanoid runs at 10 m/s and observes nothing but positions and velocities of its joints.",
    },
    slow=True,
)
_suite(
    "humanoid_CMU",
    {
        "stand": "A humanoid with 56 joints stands up and keeps standing.",
        "walk": "A humanoid with 56 joints walks at 1 m/s.",
        "run": "A humanoid with 56 joints runs at 10 m/s.",
    },
    slow=True,
)
_suite(
    "manipulator of a ball",
    {
        "bring_ball": "A planar arm with a gripper brings a ball to a target.",
        "insert_ball": "A planar arm with a gripper puts a ball into a cup.",
    },
)
_suite(
    "manipulator of a peg",
    {
        "bring_peg": "A planar arm with a gripper brings a peg to a target.",
        "insert_peg": "A planar arm with a gripper puts a peg into a slot.",
    },
)
_suite("pendulum", {"swingup": "A weak motor swings up a pendulum and balances it; the reward is sparse."})
_suite(
    "point_mass",
    {
        "easy": "A planar point mass goes to the centre; each motor drives one axis.",
        "hard": "A planar point mass goes to the centre; the motors' directions differ in each episode.",
    },
)
_suite("quadruped", {"walk": "A four-legged robot walks at 0.5 m/s.", "run": "A four-legged robot runs at 5 m/s."})
_suite("quadruped in a bowl", {"escape": "A four-legged robot climbs out of a bowl of random bumps."}, slow=True)
_suite("quadruped with a ball", {"fetch": "A four-legged robot pushes a ball to a target."}, slow=True)
_suite(
    "reacher",
    {
        "easy": "A planar two-joint arm reaches for a large target.",
        "hard": "A planar two-joint arm reaches for a small target.",
    },
)
_suite("stacker of 2", {"stack_2": "A planar arm with a gripper stacks two boxes at a target."})
_suite("stacker of 4", {"stack_4": "A planar arm with a gripper stacks four boxes at a target."}, slow=True)
_suite(
    "swimmer",
    {
        "swimmer6": "A chain of six links swims with its nose to a target.",
        "swimmer15": "A chain of fifteen links swims with its nose to a target.",
    },
)
_suite(
    "walker",
    {
        "stand": "A planar two-legged robot stands upright.",
        "walk": "A planar two-legged robot walks at 1 m/s.",
        "run": "A planar two-legged robot runs at 8 m/s.",
    },
)

_TWO_BRICKS = jaco("brick_2", "brick_4")
for _path, _about, _dynamics in (
    ("reach_site", "reaches for a site", REACHING_JACO),
    ("reach_duplo", "reaches for a brick", jaco("brick")),
    ("lift_brick", "lifts a brick", jaco("brick")),
    ("lift_large_box", "lifts a large box", jaco(box=1.3)),
    ("place_brick", "puts a brick on another on a pedestal", jaco("brick")),
    ("place_cradle", "puts a brick into a cradle on a pedestal", jaco("brick")),
    ("stack_2_bricks", "stacks a brick on another that is fixed", jaco("brick_2")),
    ("stack_2_bricks_moveable_base", "stacks a brick on another that is loose", jaco("brick", "brick_2")),
    ("stack_3_bricks", "stacks three bricks", _TWO_BRICKS),
    ("stack_3_bricks_random_order", "stacks three bricks in an order that differs in each episode", _TWO_BRICKS),
    ("stack_2_of_3_bricks_random_order", "stacks two of three bricks, others in each episode", _TWO_BRICKS),
    ("reassemble_3_bricks_fixed_order", "takes a stack of three bricks apart and builds another", _TWO_BRICKS),
):
    _task(
        _camel(_path),
        f"{_path}_features",
        f"A Jaco arm {_about}.",
        _dynamics,
        collection="manipulation",
        horizon=250,
        slow=True,
    )

_task(
    "CmuHumanoidGoToTarget",
    "cmu_humanoid_go_to_target",
    "A position-controlled humanoid with 56 joints goes to a target.",
    POSITION_CONTROLLED_HUMANOID,
    collection="locomotion",
    slow=True,
)
