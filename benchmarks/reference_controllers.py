"""Controllers of a few lines for tasks that have no other cheap policy: see ``reference_policies.py``.

Each is a function from batched observations ``[B, …]`` to actions ``[B, …]``, or from dicts of such arrays (by agent,
or by part of the observation) to actions.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from robust_gym.baselines.controller import lunar_lander_continuous

Array = np.ndarray[Any, Any]


def _bounded(*columns: Array) -> Array:
    return np.clip(np.stack(columns, 1), -1, 1).astype(np.float32)


def land(seen: Array) -> Array:
    """Land as the package's controller does, which is Gymnasium's, but take a leg's contact for true only above a half.

    There any positive number is a contact, so that the least noise would switch the engines off.
    """
    return lunar_lander_continuous(np.concatenate((seen[:, :6], seen[:, 6:] > 0.5), 1))


def point_mass(seen: Array) -> Array:
    """A spring to the target at the origin, and a damper."""
    return np.clip(-20 * seen[:, :2] - 8 * seen[:, 2:], -1, 1)


def fetch_reach(seen: dict[str, Array]) -> Array:
    """Move the gripper straight to the goal."""
    towards = 10 * (seen["desired_goal"] - seen["observation"][:, :3])
    return np.clip(np.concatenate((towards, np.zeros_like(towards[:, :1])), 1), -1, 1).astype(np.float32)


def u_maze(seen: dict[str, Array]) -> Array:
    """A spring to the goal, or to the bend's next corner where the goal is in the other arm of the U; a damper."""
    place, speed, goal = seen["observation"][:, :2], seen["observation"][:, 2:], seen["desired_goal"]
    other = np.abs(place[:, 1] - goal[:, 1]) > 0.6
    at_bend = place[:, 0] > 0.8
    corner = np.stack((np.ones(len(place)), np.where(at_bend, np.sign(goal[:, 1]), np.sign(place[:, 1]))), 1)
    target = np.where(other[:, None], corner, goal)
    return np.clip(5 * (target - place) - 2 * speed, -1, 1).astype(np.float32)


def cover_landmarks(seen: dict[str, Array]) -> dict[str, Array]:
    """Every agent pushes towards its landmark in the assignment of least distance, less the more it flies already."""
    actions = {}
    for agent, many in seen.items():
        landmarks = many[:, 4:10].reshape(-1, 3, 2)
        agents = np.concatenate((np.zeros((len(many), 1, 2)), many[:, 10:14].reshape(-1, 2, 2)), 1)
        distances = np.linalg.norm(agents[:, :, None] - landmarks[:, None], axis=-1)
        plans = np.array(list(itertools.permutations(range(3))))
        best = plans[distances[:, range(3), plans].sum(2).argmin(1)]
        own = landmarks[np.arange(len(many)), best[:, 0]]
        right, up = np.clip(4 * own - 2 * many[:, :2], -1, 1).T
        # The order of the five: nothing, left, right, down, up.
        five = (0 * up, np.maximum(-right, 0), np.maximum(right, 0), np.maximum(-up, 0), np.maximum(up, 0))
        actions[agent] = np.stack(five, 1).astype(np.float32)
    return actions


def central_building(seen: Array) -> Array:
    """Heat or cool each zone as the team's controller does: .15 per degree below 22 °C, .01 per degree outside."""
    outside = seen[:, 6:7]
    return np.clip(0.15 * (22 - seen[:, :6]) + 0.01 * (22 - outside), -1, 1).astype(np.float32)


def keep_lane(seen: Array) -> Array:
    """Steer against the lateral error and its rate."""
    return _bounded(-0.3 * seen[:, 1] - 1.0 * seen[:, 2])


def follow_ball(seen: dict[str, Array]) -> dict[str, Array]:
    """Move each paddle towards the height of the ball."""
    lower = {agent: many[:, 5] - many[:, 0] for agent, many in seen.items()}
    return {agent: np.select([d < -0.02, d > 0.02], [1, 2], 0) for agent, d in lower.items()}


def to_goal_by_lidar(seen: Array) -> Array:
    """Turn to where the goal's lidar is brightest, and drive the more the straighter ahead that is."""
    bright, angles = seen[:, 12:28], (np.arange(16) + 0.5) * np.pi / 8
    angle = np.arctan2(bright @ np.sin(angles), bright @ np.cos(angles))
    return np.stack((np.clip(np.cos(angle), 0, 1), np.clip(2 * angle, -1, 1)), 1)


def to_goal_in_view(seen: Array) -> Array:
    """Go on until the goal is beside the robot, then turn to it; go to the wall and turn where none is seen."""
    left, right, forward, empty, goal = 0, 1, 2, 1, 8
    actions = np.empty(len(seen), np.int64)
    for row, view in enumerate(seen[:, :147].reshape(-1, 7, 7, 3)[..., 0]):
        places = np.argwhere(view == goal)
        if len(places) == 0:
            actions[row] = forward if view[3, 5] == empty else right
        else:
            aside, ahead = places[0]
            actions[row] = forward if ahead < 6 else left if aside < 3 else right
    return actions
