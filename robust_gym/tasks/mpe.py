"""The twelve particle tasks of MPE2, each with discrete and with continuous actions; they need no extra package."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task

MAX_CYCLES = 25
"""Steps of an episode."""

MAX_DELAY = 5
"""Most steps by which a message can come late."""

_P = DynamicsParameter

_MASS = _P("mass", "mass of every moving agent", "", 1.0)
_DAMPING = _P("damping", "share of its velocity that an agent loses in a step", "", 0.25, 0.0, 4.0)
_ACCELERATION = _P("acceleration", "force of a move", "", 5.0)
_TIME_STEP = _P("time_step", "simulated time of a step", "", 0.1, 0.1, 3.0)
_WIND_X = _P("wind_x", "constant force on every moving agent along x", "", 0.0, -5.0, 5.0, mode="set")
_WIND_Y = _P("wind_y", "constant force on every moving agent along y", "", 0.0, -5.0, 5.0, mode="set")
_PARTICLE = (_MASS, _DAMPING, _ACCELERATION, _TIME_STEP, _WIND_X, _WIND_Y)


def _size(nominal: float, about: str) -> DynamicsParameter:
    return _P("agent_size", f"radius of the agents, {about}", "", nominal, 0.1, 4.0)


_FORCE = _P("contact_force", "stiffness of contacts", "", 100.0)
_MARGIN = _P("contact_margin", "softness of the onset of contacts", "", 1e-3)

_MESSAGES = (
    _P("message_gain", "strength at which every message is heard", "", 1.0, 0.0, 4.0),
    _P("crosstalk", "share of every message that spreads evenly over all symbols", "", 0.0, 0.0, 1.0, mode="set"),
    _P(
        "message_delay",
        "steps by which messages come late",
        "steps",
        0.0,
        0.0,
        float(MAX_DELAY),
        mode="set",
        whole=True,
    ),
)


# Scenarios whose agents have forces of their own.
_RUNNER = (
    _MASS,
    _DAMPING,
    _P("acceleration", "force of a move (adversaries 3, the others 4)", "of nominal", 1.0),
    _TIME_STEP,
    _WIND_X,
    _WIND_Y,
)


def _tasks(
    name: str,
    about: str,
    scenario: str,
    source: str,
    dynamics: tuple[DynamicsParameter, ...] = _PARTICLE,
    null_action: int | None = None,
    gentle: tuple[str, ...] = (),
    slow: bool = False,
    competitive: bool = False,
    heard: Mapping[str, int] | None = None,
    version: int = 0,
) -> None:
    """Register a scenario twice: with discrete and with continuous actions.

    Random forces are gentler than random moves: parameters named in ``gentle`` need more of a clash than these lead to.
    ``heard`` are the numbers of a message that an agent hears; they are the last of its observation.
    """
    discrete = Task(
        id=f"Robust-MPE{name}-v0",
        family="mpe",
        version=version,
        about=about,
        api="parallel",
        base=f"robust_gym.tasks._mpe_scenarios:{scenario}",
        adapter="robust_gym.tasks._mpe_dynamics:ParticleDynamics",
        dynamics={parameter.name: parameter for parameter in dynamics},
        action="discrete",
        null_action=null_action,
        horizon=MAX_CYCLES,
        modules=("mpe2", "pygame"),
        steps={"smoke": 500, "quick": 40_000, "standard": 500_000},
        source=f"MPE2 {source} (Lowe et al., NeurIPS 2017; Mordatch and Abbeel, 2018)",
        slow=slow,
        competitive=competitive,
        messages={agent: tuple(range(-length, 0)) for agent, length in (heard or {}).items()},
    )
    register_task(discrete)
    register_task(
        dataclasses.replace(
            discrete,
            id=f"Robust-MPE{name}Continuous-v0",
            about=f"{about[:-1]}; actions are forces.",
            action="box",
            null_action=None,
            dynamics={name: parameter for name, parameter in discrete.dynamics.items() if name not in gentle},
            kwargs={"continuous_actions": True},
        )
    )


_tasks(
    "Spread",
    "Three agents cover three landmarks without bumping into each other.",
    "spread",
    "simple_spread_v3",
    dynamics=(*_PARTICLE, _size(0.15, "which touch and count as colliding"), _FORCE, _MARGIN),
    null_action=0,
    gentle=("contact_force",),
)
# A speaker always says something, so that tasks with one have no action that does nothing.
# Messages of these two are not drawn by dynamics:random, which keeps what their first published protocol meant.
_BY_NAME = tuple(dataclasses.replace(parameter, drawn=False) for parameter in _MESSAGES)
_tasks(
    "SpeakerListener",
    "A speaker, who cannot move, tells a listener which of three landmarks to go to.",
    "speaker_listener",
    "simple_speaker_listener_v4",
    dynamics=_PARTICLE + _BY_NAME,
    heard={"listener_0": 3},
)
_tasks(
    "Reference",
    "Two agents tell each other which of three landmarks to go to.",
    "reference",
    "simple_reference_v3",
    dynamics=_PARTICLE + _BY_NAME,
    heard={"agent_0": 10, "agent_1": 10},
)
_tasks("Simple", "A single agent goes to a landmark.", "simple", "simple_v3", null_action=0)
_tasks(
    "Adversary",
    "Two agents cover the goal and mislead an adversary that does not know which landmark it is; sides compete.",
    "adversary",
    "simple_adversary_v3",
    null_action=0,
    competitive=True,
)
_tasks(
    "Crypto",
    "Alice sends Bob a secret under a shared key while Eve listens and tries to read it; sides compete.",
    "crypto",
    "simple_crypto_v3",
    dynamics=_MESSAGES,
    competitive=True,
    heard={"eve_0": 4, "bob_0": 4},
    version=1,  # what is said and not heard is left as it is
)
_tasks(
    "Push",
    "An agent goes to its landmark while an adversary, who does not know which it is, pushes it away; sides compete.",
    "push",
    "simple_push_v3",
    null_action=0,
    competitive=True,
)
_tasks(
    "Tag",
    "Three slow adversaries chase a faster agent round two obstacles; sides compete.",
    "tag",
    "simple_tag_v3",
    dynamics=(
        *_RUNNER,
        _P("max_speed", "top speed (adversaries 1, the other 1.3)", "of nominal", 1.0, 0.1, 4.0),
        _P("agent_size", "radius of the agents (adversaries 0.075, the other 0.05)", "of nominal", 1.0, 0.1, 4.0),
        _P("landmark_size", "radius of the obstacles", "", 0.2, 0.1, 3.0),
        _FORCE,
        _MARGIN,
    ),
    null_action=0,
    competitive=True,
)
_tasks(
    "WorldComm",
    "Four adversaries, directed by a leader who sees all, chase two agents between food and forests; sides compete.",
    "world_comm",
    "simple_world_comm_v3",
    dynamics=(
        *_RUNNER,
        _P("agent_size", "radius of the agents (adversaries 0.075, the others 0.045)", "of nominal", 1.0, 0.1, 4.0),
        _P("landmark_size", "radius of obstacle (0.2), food (0.03) and forests (0.3)", "of nominal", 1.0, 0.1, 3.0),
        _FORCE,
        _MARGIN,
        *_MESSAGES,
    ),
    slow=True,
    competitive=True,
    # The leader's observation ends with what it said itself.
    heard={"adversary_0": 4, "adversary_1": 4, "adversary_2": 4},
)
_tasks(
    "Formation",
    "Four agents arrange themselves evenly on a circle round a landmark.",
    "formation",
    "simple_formation_v1",
    dynamics=(*_PARTICLE, _size(0.05, "which touch"), _FORCE, _MARGIN),
    null_action=0,
)
_tasks(
    "Line",
    "Four agents arrange themselves evenly on a line between two landmarks.",
    "line",
    "simple_line_v1",
    dynamics=(*_PARTICLE, _size(0.03, "which touch"), _FORCE, _MARGIN),
    null_action=0,
)
_tasks(
    "CollectTreasure",
    "Six collectors pick up treasures of two kinds and bring each to the deposit of its kind, which moves too.",
    "collect_treasure",
    "collect_treasure_v1",
    dynamics=(
        _P("mass", "mass of the agents (collectors 1, deposits 2.25)", "of nominal", 1.0),
        _DAMPING,
        _P("acceleration", "force of a move", "", 1.5),
        _TIME_STEP,
        _WIND_X,
        _WIND_Y,
        _P("agent_size", "radius at which collectors (0.05) and deposits (0.075) meet", "of nominal", 1.0, 0.1, 4.0),
        _P("landmark_size", "radius of the treasures", "", 0.025, 0.1, 8.0),
    ),
    null_action=0,
    gentle=("agent_size", "landmark_size"),
    slow=True,
)
