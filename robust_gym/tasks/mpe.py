"""Cooperative particle tasks of MPE2: light multi-agent tasks that need no extra package."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task

MAX_CYCLES = 25
"""Steps of an episode."""

_PARTICLE = (
    DynamicsParameter("mass", "mass of every moving agent", "", 1.0),
    DynamicsParameter("damping", "share of its velocity that an agent loses in a step", "", 0.25, 0.0, 4.0),
    DynamicsParameter("acceleration", "force of a move", "", 5.0),
    DynamicsParameter("time_step", "simulated time of a step", "", 0.1, 0.1, 3.0),
    DynamicsParameter("wind_x", "constant force on every moving agent along x", "", 0.0, -5.0, 5.0, mode="set"),
    DynamicsParameter("wind_y", "constant force on every moving agent along y", "", 0.0, -5.0, 5.0, mode="set"),
)
_CONTACT = (
    DynamicsParameter("agent_size", "radius of the agents, which touch and count as colliding", "", 0.15, 0.1, 4.0),
    DynamicsParameter("contact_force", "stiffness of contacts", "", 100.0),
    DynamicsParameter("contact_margin", "softness of the onset of contacts", "", 1e-3),
)


def _task(
    name: str,
    about: str,
    scenario: str,
    source: str,
    dynamics: tuple[DynamicsParameter, ...] = _PARTICLE,
    null_action: int | None = None,
) -> None:
    register_task(
        Task(
            id=f"Robust-MPE{name}-v0",
            family="mpe",
            about=about,
            api="parallel",
            base=f"robust_gym.tasks._mpe_env:{scenario}",
            adapter="robust_gym.tasks._mpe_env:ParticleDynamics",
            dynamics={parameter.name: parameter for parameter in dynamics},
            action="discrete",
            null_action=null_action,
            horizon=MAX_CYCLES,
            modules=("mpe2", "pygame"),
            steps={"smoke": 500, "quick": 40_000, "standard": 500_000},
            source=f"MPE2 {source} (Lowe et al., NeurIPS 2017; Mordatch and Abbeel, 2018)",
        )
    )


_task(
    "Spread",
    "Three agents cover three landmarks without bumping into each other.",
    "spread",
    "simple_spread_v3",
    dynamics=_PARTICLE + _CONTACT,
    null_action=0,
)
# A speaker always says something, so that these two have no action that does nothing.
_task(
    "SpeakerListener",
    "A speaker, who cannot move, tells a listener which of three landmarks to go to.",
    "speaker_listener",
    "simple_speaker_listener_v4",
)
_task(
    "Reference",
    "Two agents tell each other which of three landmarks to go to.",
    "reference",
    "simple_reference_v3",
)
