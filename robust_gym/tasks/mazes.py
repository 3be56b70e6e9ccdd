"""Mazes of gymnasium-robotics: a ball and an ant look for places in them."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.tasks._mujoco_parameters import (
    CROSSWIND,
    DAMPING,
    GAIN,
    GRAVITY,
    WIND,
    crosspush,
    friction,
    joint_friction,
    masses,
    push,
)

# By map: the shift's word, what the maze is, the time limit of the ball and of the ant. The library's map
# Open_Diverse_GR is left out: it is Open, to the bit.
_MAPS = {
    "UMaze": ("umaze", "a maze shaped like a U", 300, 700),
    "Open": ("open", "an open arena", 300, 700),
    "OpenDiverseG": ("open_diverse_g", "an open arena, from one corner", 300, 700),
    "Medium": ("medium", "a medium maze", 600, 1000),
    "MediumDiverseG": ("medium_diverse_g", "a medium maze with a few goals, from one corner", 600, 1000),
    "MediumDiverseGR": ("medium_diverse_gr", "a medium maze with a few goals and starts", 600, 1000),
    "Large": ("large", "a large maze", 800, 1000),
    "LargeDiverseG": ("large_diverse_g", "a large maze with a few goals, from one corner", 800, 1000),
    "LargeDiverseGR": ("large_diverse_gr", "a large maze with a few goals and starts", 800, 1000),
}
_WORDS = tuple(word for word, *_ in _MAPS.values())
_WALLS = ("umaze", "open", "medium", "large")
_ID = {"DiverseGR": "_Diverse_GR", "DiverseG": "_Diverse_G"}

_POINT = (
    DAMPING,
    GAIN,
    joint_friction("N", 50.0),
    *masses(particle=4.189),
    push(100.0),
    crosspush(100.0),
)
_ANT = (
    GRAVITY,
    WIND,
    CROSSWIND,
    friction(1.0),
    DAMPING,
    GAIN,
    *masses(torso=0.327, front_left_leg=0.146, front_right_leg=0.146, back_leg=0.146, right_back_leg=0.146),
    push(20.0),
    crosspush(20.0),
)


def _task(
    robot: str, version: str, name: str, word: str, about: str, dynamics: tuple[DynamicsParameter, ...], horizon: int
) -> None:
    size = name.partition("Diverse")[0]
    map_id = size + _ID.get(name.removeprefix(size), "")
    # Another maze altogether is the question; the same walls with other goals are for those who ask for them.
    elsewhere = tuple(one for one in _WALLS if one != size.lower())
    register_task(
        Task(
            id=f"Robust-{robot}Maze{name}-v0",
            family="mazes",
            about=about,
            base="robust_gym.tasks._maze_env:maze",
            adapter="robust_gym.tasks._maze_env:MazeDynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            semantic={"map": SemanticShift("map", "the maze, with its starts and goals", word, _WORDS, elsewhere)},
            observation="dict",
            kwargs={"id": f"{robot}Maze_{map_id}-{version}"},
            modules=("gymnasium_robotics", "mujoco", "imageio"),
            install='pip install "robust-gym[robotics]"',
            # One ant in one maze stands for the others every day: all share its adapter and its body.
            slow=robot == "Ant" and name != "UMaze",
            source=f"Gymnasium-Robotics {robot}Maze {version} (Fu et al., D4RL, 2020)",
        )
    )


for _name, (_word, _about, _ball, _ant) in _MAPS.items():
    _task("Point", "v3", _name, _word, f"A ball, driven by a force, looks for a place in {_about}.", _POINT, _ball)
    _task("Ant", "v5", _name, _word, f"A four-legged robot walks to a place in {_about}.", _ANT, _ant)
