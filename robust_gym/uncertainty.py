"""Uncertainty sets of other benchmarks: the boxes of worlds that methods were compared on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Box = Mapping[str, tuple[float, float]]
"""Lowest and highest value of each parameter, in the parameter's unit."""

_PLANAR_FRICTION = {"friction": (0.1, 3.0)}
_CHEETAH_FRICTION = {"friction": (0.1, 4.0)}

RRLS: Mapping[str, tuple[Box, ...]] = MappingProxyType(
    {
        "Robust-Ant-v0": (
            {"torso_mass": (0.1, 3.0)},
            {"torso_mass": (0.1, 3.0), "front_left_leg_mass": (0.01, 3.0)},
            {"torso_mass": (0.1, 3.0), "front_left_leg_mass": (0.01, 3.0), "front_right_leg_mass": (0.01, 3.0)},
        ),
        "Robust-HalfCheetah-v0": (
            _PLANAR_FRICTION,
            {**_CHEETAH_FRICTION, "torso_mass": (0.1, 7.0)},
            {**_CHEETAH_FRICTION, "torso_mass": (0.1, 7.0), "bthigh_mass": (0.1, 3.0)},
        ),
        "Robust-Hopper-v0": (
            _PLANAR_FRICTION,
            {**_PLANAR_FRICTION, "torso_mass": (0.1, 3.0)},
            {**_PLANAR_FRICTION, "torso_mass": (0.1, 3.0), "thigh_mass": (0.1, 4.0)},
        ),
        "Robust-HumanoidStandup-v0": (
            {"torso_mass": (0.1, 16.0)},
            {"torso_mass": (0.1, 16.0), "right_foot_mass": (0.1, 8.0)},
            {"torso_mass": (0.1, 16.0), "right_foot_mass": (0.1, 8.0), "left_thigh_mass": (0.1, 5.0)},
        ),
        "Robust-InvertedPendulum-v0": (
            {"pole_mass": (1.0, 31.0)},
            {"pole_mass": (1.0, 31.0), "cart_mass": (1.0, 11.0)},
        ),
        "Robust-Walker2d-v0": (
            {"friction": (0.1, 4.0)},
            {"friction": (0.1, 4.0), "torso_mass": (0.1, 5.0)},
            {"friction": (0.1, 4.0), "torso_mass": (0.1, 5.0), "thigh_mass": (0.1, 6.0)},
        ),
    }
)
"""The sets of RRLS (Zouitine et al., 2024, arXiv 2406.08406) with one, two and three parameters, by task; masses in kg.

Three things are ours. What RRLS calls the friction of the world is the sliding friction of the geoms here, all of them
scaled by one number such that the largest has the value: MuJoCo takes the larger friction of two geoms in contact, so
that of the floor alone would change nothing below the foot's. A body's inertia follows its mass. And a leg of Ant is
all of its parts, where RRLS writes the mass of its first alone.
"""
