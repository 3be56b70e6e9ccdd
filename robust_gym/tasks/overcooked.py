"""Overcooked: two cooks share a kitchen, in the five classic layouts of JaxMARL."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

MAX_STEPS = 400
"""Steps of an episode."""

LAYOUTS = {
    "cramped_room": ("CrampedRoom", "in a small room where they stand in each other's way", ()),
    "asymm_advantages": ("AsymmetricAdvantages", "in two rooms, each nearer to one of the things they need", ()),
    "coord_ring": ("CoordinationRing", "on a ring where only one can pass", ("forced_coord",)),
    "forced_coord": ("ForcedCoordination", "in two rooms, where one hands the other all they need", ("coord_ring",)),
    "counter_circuit": ("CounterCircuit", "around a counter across which they can hand things", ()),
}
"""JaxMARL's layouts: our name, the kitchen in words, and the other layouts of the same size."""


def _chance(name: str, about: str, high: float) -> DynamicsParameter:
    return DynamicsParameter(name, about, "probability", 0.0, 0.0, high, mode="set")


# Cooking time and recipes would be dynamics too, but random cooks hardly ever fill a pot, so that no check could
# see them act.
_DYNAMICS = (
    _chance("slip", "chance that a move goes to one side instead", 0.5),
    _chance("fumble", "chance that an interaction does nothing", 0.9),
    _chance("spill", "chance, at each step, that a cook loses what they hold", 0.5),
    _chance("spoil", "chance, at each step, that an item on a counter disappears", 0.5),
    _chance("pause_0", "chance that the first cook does nothing", 0.9),
    _chance("pause_1", "chance that the second cook does nothing", 0.9),
)


def _task(layout: str) -> None:
    name, where, others = LAYOUTS[layout]
    shifts = (
        SemanticShift(
            "layout",
            "the kitchen: another one of the same size, or the same turned over",
            layout,
            (layout, "mirrored", "upside_down", *others),
            ("mirrored", "upside_down", *others),
        ),
        SemanticShift("roles", "who starts where", "own", ("own", "swapped"), ("swapped",)),
        SemanticShift(
            "start",
            "the beginning: cooks at their places, hands and pots empty, or all at random",
            "fixed",
            ("fixed", "random"),
            ("random",),
        ),
    )
    register_task(
        Task(
            id=f"Robust-Overcooked{name}-v0",
            family="overcooked",
            about=f"Two cooks make and serve onion soup {where}.",
            api="parallel",
            base="robust_gym.tasks._overcooked_env:make",
            adapter="robust_gym.tasks._overcooked_env:OvercookedDynamics",
            dynamics={parameter.name: parameter for parameter in _DYNAMICS},
            semantic={shift.name: shift for shift in shifts},
            action="discrete",
            null_action=4,
            horizon=MAX_STEPS,
            kwargs={"layout": layout},
            modules=("jaxmarl",),
            install='pip install "robust-gym[smax]"',
            steps={"smoke": 800, "quick": 80_000, "standard": 2_000_000},
            source="JaxMARL 0.2 (Rutherford et al., NeurIPS Datasets and Benchmarks 2024); "
            "Overcooked-AI (Carroll et al., NeurIPS 2019)",
        )
    )


for _layout in LAYOUTS:
    _task(_layout)
