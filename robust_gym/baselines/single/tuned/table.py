"""What a table of hyper-parameters looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]
Table = tuple[Values, Mapping[str, Values], Mapping[str, Values]]
"""An algorithm's defaults; what differs in a family of tasks, by its name; and in a task, by its id."""

NO_SDE: Values = {"use_sde": False, "sde_sample_freq": -1}
"""Noise that does not depend on the state."""

SDE: Values = {"use_sde": True, "sde_sample_freq": 4}
"""gSDE whose noise is drawn anew every fourth step."""

PHYSICS = ("mujoco", "robotics", "mazes", "safety_velocity", "safety_navigation", "dm_control", "energy")
"""The families whose observations have many numbers of many sizes."""
