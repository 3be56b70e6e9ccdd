"""SMAC and SMACv2: micromanagement in StarCraft II itself, where the game is installed."""

from __future__ import annotations

from typing import Any, NamedTuple

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

DIFFICULTIES = {
    "very_easy": "1",
    "easy": "2",
    "medium": "3",
    "medium_hard": "4",
    "hard": "5",
    "harder": "6",
    "very_hard": "7",
    "cheat_vision": "8",
    "cheat_money": "9",
    "cheat_insane": "A",
}
"""Levels of the game's built-in player, and what SMAC calls them."""


class Map(NamedTuple):
    """A map of SMAC or SMACv2.

    Attributes:
        name: Our name.
        about: Who fights whom.
        limit: Longest episode, in steps.
        units: Of SMACv2, the unit types that a team is drawn from, with their weights; empty for SMAC.
        exceptions: Unit types that cannot make up a team alone.
    """

    name: str
    about: str
    limit: int
    units: tuple[tuple[str, float], ...] = ()
    exceptions: tuple[str, ...] = ()


MAPS = {
    "3m": Map("3m", "three marines against as many", 60),
    "8m": Map("8m", "eight marines against as many", 120),
    "2s3z": Map("2s3z", "two stalkers and three zealots against as many", 120),
    "3s5z": Map("3s5z", "three stalkers and five zealots against as many", 150),
    "5m_vs_6m": Map("5mVs6m", "five marines against six", 70),
    "27m_vs_30m": Map("27mVs30m", "27 marines against 30", 180),
    "3s_vs_5z": Map("3sVs5z", "three stalkers against five zealots", 250),
    "6h_vs_8z": Map("6hVs8z", "six hydralisks against eight zealots", 150),
    "MMM2": Map("MMM2", "marines, marauders and a medivac against more of them", 180),
    "corridor": Map("Corridor", "six zealots hold a corridor against 24 zerglings", 400),
    "10gen_terran": Map(
        "V2Terran",
        "five Terran units of random types and places against as many",
        200,
        (("marine", 0.45), ("marauder", 0.45), ("medivac", 0.1)),
        ("medivac",),
    ),
    "10gen_zerg": Map(
        "V2Zerg",
        "five Zerg units of random types and places against as many",
        200,
        (("zergling", 0.45), ("baneling", 0.1), ("hydralisk", 0.45)),
        ("baneling",),
    ),
    "10gen_protoss": Map(
        "V2Protoss",
        "five Protoss units of random types and places against as many",
        200,
        (("stalker", 0.45), ("zealot", 0.45), ("colossus", 0.1)),
    ),
}
"""The maps, by the names that SMAC and SMACv2 give them."""

_DYNAMICS = (
    DynamicsParameter("move_amount", "how far a move order sends a unit", "", 2.0, 0.5, 3.0),
    DynamicsParameter("step_mul", "game steps that an order lasts", "game steps", 8.0, 0.25, 4.0, whole=True),
    DynamicsParameter("sight_range", "how far an agent sees", "", 9.0, 0.3, 2.0),
    DynamicsParameter("shoot_range", "how far off a target may be that an agent can name", "", 6.0, 0.3, 2.0),
)

_DIFFICULTY = SemanticShift(
    "difficulty",
    "level of the game's built-in player, who leads the enemy",
    "very_hard",
    tuple(DIFFICULTIES),
    ("medium", "cheat_vision", "cheat_insane"),
)


def _parameters(units: tuple[Any, ...]) -> dict[str, DynamicsParameter]:
    # SMACv2's ranges differ by unit type; SMAC has these for all.
    found = _DYNAMICS
    if units:
        about = "how far a unit shoots, relative to its type's range"
        found = (*_DYNAMICS[:3], DynamicsParameter("shoot_range", about, "", 1.0, 0.3, 2.0))
    return {parameter.name: parameter for parameter in found}


def _task(map_name: str) -> None:
    name, about, limit, units, _ = MAPS[map_name]
    package = "smacv2" if units else "smac"
    register_task(
        Task(
            id=f"Robust-Smac{name}-v0",
            family="smac",
            about=f"StarCraft II: {about} ({'SMACv2' if units else 'SMAC'} {map_name}).",
            api="parallel",
            base="robust_gym.tasks._smac_env:make",
            adapter="robust_gym.tasks._smac_env:SmacDynamics",
            dynamics=_parameters(units),
            semantic={"difficulty": _DIFFICULTY},
            action="discrete",
            null_action=1,
            horizon=limit,
            kwargs={"map_name": map_name},
            modules=(f"{package}.env",),
            install=f"pip install git+https://github.com/oxwhirl/{package}.git (PyPI's smac is something else), "
            "and StarCraft II with SMAC's maps (its README says how)",
            steps={"smoke": 500, "quick": 40_000, "standard": 1_000_000},
            source="SMACv2 (Ellis et al., NeurIPS 2023)" if units else "SMAC (Samvelyan et al., AAMAS 2019)",
            slow=True,
        )
    )


for _map in MAPS:
    _task(_map)
