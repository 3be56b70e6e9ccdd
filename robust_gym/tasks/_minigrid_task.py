"""What the tasks of the family ``minigrid`` have in common: their parameters, shifts and registration."""

from __future__ import annotations

from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

_P = DynamicsParameter
_Maps = dict[str, Any]
"""Maps by name: a MiniGrid id, or what differs from the task's own."""

_SOURCE = "MiniGrid (Chevalier-Boisvert et al., NeurIPS 2023, Datasets and Benchmarks)"
_LEVELS = f"BabyAI (Chevalier-Boisvert et al., ICLR 2019), in {_SOURCE}"

_MOTION = (
    _P("slip", "probability that the robot, told to go forward, stays where it is", "", 0.0, 0.0, 0.8, mode="set"),
    _P("veer", "probability that the robot, told to go forward, turns aside instead", "", 0.0, 0.0, 0.8, mode="set"),
    _P("overshoot", "probability that a turn goes on for another quarter", "", 0.0, 0.0, 0.8, mode="set"),
)
_SIGHT = (_P("sight", "how far the robot sees ahead, and half as far to its sides", "cells", 6.0, 1 / 6, 1.0),)
FUMBLE = (_P("fumble", "probability that picking up, dropping or toggling fails", "", 0.0, 0.0, 1.0, mode="set"),)
AJAR = (
    _P("ajar", "probability that a door which is not locked stands open", "", 0.0, 0.0, 1.0, mode="set", at_reset=True),
)
REST = (_P("rest", "probability that the obstacles stand still for a step", "", 0.0, 0.0, 1.0, mode="set"),)

GLASS = SemanticShift("walls", "what walls are made of: the robot sees through glass", "opaque", ("opaque", "glass"))
COLOURS = SemanticShift(
    "colours",
    "the colours of everything but lava, each replaced by another one everywhere",
    "usual",
    ("usual", "swapped"),
    ("swapped",),
)


def count(name: str, about: str, nominal: int, low: float = 0.5, high: float = 2.0) -> tuple[DynamicsParameter, ...]:
    """Return a number of things, at least 1."""
    return (_P(name, about, "", float(nominal), low, high, at_reset=True, whole=True),)


def rooms(small: int, usual: int, large: int, columns: int = 2, rows: int = 1) -> _Maps:
    """Return maps of the same rooms in other sizes, for worlds whose size is no argument."""

    def attributes(size: int) -> dict[str, Any]:
        return {
            "attributes": {"room_size": size, "width": (size - 1) * columns + 1, "height": (size - 1) * rows + 1},
        }

    return {f"s{usual}": {}, f"s{small}": attributes(small), f"s{large}": attributes(large)}


def grid_id(name: str, version: int = 0) -> str:
    """Return MiniGrid's id of a world."""
    return f"MiniGrid-{name}-v{version}"


def sizes(name: str, *cells: int) -> _Maps:
    """Return MiniGrid's own maps of several sizes."""
    return {f"s{size}": grid_id(f"{name}-{size}x{size}") for size in cells}


def task(
    name: str,
    base: str,
    about: str,
    horizon: int,
    *,
    maps: _Maps | None = None,
    dynamics: tuple[DynamicsParameter, ...] = (),
    shifts: tuple[SemanticShift, ...] = (),
    words: int = 0,
    idle: str = "done",
    sight: bool = True,
    standard: int = 1_000_000,
) -> None:
    """Register a world; the first of its maps is its own. In the smallest rooms, ``sight`` would change nothing."""
    semantic = list(shifts)
    kwargs: dict[str, Any] = {"id": base, "steps": horizon, "words": words, "idle": idle}
    if maps:
        options = tuple(maps)
        semantic.insert(
            0, SemanticShift("map", "the map that episodes are played on", options[0], options, options[1:])
        )
        kwargs["maps"] = {
            option: {"id": entry} if isinstance(entry, str) else {"id": base, **entry}
            for option, entry in list(maps.items())[1:]
        }
    levels = base.startswith("BabyAI")
    register_task(
        Task(
            id=f"Robust-{'BabyAI' if levels else 'MiniGrid'}{name}-v0",
            family="minigrid",
            about=about,
            base="robust_gym.tasks._minigrid_env:GridWorld",
            adapter="robust_gym.tasks._minigrid_env:GridDynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in (*(_SIGHT if sight else ()), *_MOTION, *dynamics)},
            semantic={shift.name: shift for shift in semantic},
            observation="dict" if words else "box",
            undisturbed=("mission",),
            action="discrete",
            null_action=6 if idle == "done" else None,
            kwargs=kwargs,
            modules=("minigrid",),
            install='pip install "robust-gym[minigrid]"',
            steps={"smoke": 2_000, "quick": 100_000, "standard": standard},
            source=f"{base}: {_LEVELS if levels else _SOURCE}",
            version=int("ajar" in {parameter.name for parameter in dynamics}),  # doors draw from a stream of their own
        )
    )
