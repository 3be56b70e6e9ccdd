"""PettingZoo's Butterfly games: cooperation on a screen, seen as numbers where that can be."""

from __future__ import annotations

from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

_P = DynamicsParameter


def _task(
    name: str,
    about: str,
    builder: str,
    adapter: str,
    dynamics: tuple[DynamicsParameter, ...],
    game: str,
    semantic: tuple[SemanticShift, ...] = (),
    **more: Any,
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="butterfly",
            about=about,
            api="parallel",
            base=f"robust_gym.tasks.{builder}",
            adapter=f"robust_gym.tasks.{adapter}",
            dynamics={parameter.name: parameter for parameter in dynamics},
            semantic={shift.name: shift for shift in semantic},
            install='pip install "robust-gym[butterfly]"',
            source=f"PettingZoo Butterfly {game} (Terry et al., NeurIPS 2021)",
            **{"modules": ("pygame",), **more},
        )
    )


_BATTLE = (
    _P("zombie_speed", "speed at which zombies come down, in whole pixels", "pixels/step", 5.0, 0.2, 4.0, whole=True),
    _P("zombie_sway", "how far they sway to the side, in whole pixels", "pixels", 30.0, 0.1, 4.0, whole=True),
    _P("spawn_delay", "steps between two zombies", "steps", 20.0, 0.1, 5.0, whole=True),
    _P("player_speed", "speed of knights and archers", "pixels/step", 25.0, 0.1, 3.0),
    _P("turn_rate", "angle by which they turn", "°/step", 10.0, 0.1, 9.0),
    _P("arrow_speed", "speed of arrows, in whole pixels", "pixels/step", 45.0, 0.1, 3.0, whole=True),
    _P("reload", "steps before an archer can shoot again", "steps", 4.0, 0.25, 10.0, whole=True),
)
_BORDERS = SemanticShift(
    "borders", "what the upper and the lower border do to players", "safe", ("safe", "deadly"), ("deadly",)
)
_KAZ = "_butterfly_kaz:knights_archers_zombies"
_KAZ_DYNAMICS = "_butterfly_kaz:BattleDynamics"
_STEPS = {"smoke": 1_000, "quick": 100_000, "standard": 2_000_000}
_task(
    "KnightsArchersZombies",
    "Two knights and two archers hold off zombies; whom a zombie touches leaves.",
    _KAZ,
    _KAZ_DYNAMICS,
    _BATTLE,
    "knights_archers_zombies_v11",
    (_BORDERS,),
    action="discrete",
    null_action=5,
    horizon=900,
    steps=_STEPS,
)

_PONG = (
    # A ball faster than a paddle is wide (10 pixels) would fly through it.
    _P("ball_speed", "speed of the ball", "pixels/step", 9.0, 0.3, 1.1),
    _P("left_speed", "speed of the left paddle, in whole pixels", "pixels/step", 12.0, 0.1, 3.0, whole=True),
    _P("right_speed", "speed of the right paddle, in whole pixels", "pixels/step", 12.0, 0.1, 3.0, whole=True),
    _P("paddle_size", "height of both paddles", "of nominal", 1.0, 0.2, 3.0),
)
_RIGHT = SemanticShift(
    "right_paddle", "shape of the right paddle: a cake of four tiers, or flat", "cake", ("cake", "flat"), ("flat",)
)
_task(
    "CooperativePong",
    "Two different paddles keep a ball in play; both see the screen.",
    "_butterfly_pong:cooperative_pong",
    "_butterfly_pong:PongDynamics",
    _PONG,
    "cooperative_pong_v6",
    (_RIGHT,),
    version=1,  # paddles move by the nearest whole pixel
    observation="image",
    action="discrete",
    null_action=0,
    horizon=900,
    steps={"smoke": 200, "quick": 10_000, "standard": 1_000_000},
    slow=True,
)
_task(
    "CooperativePongVector",
    "Two different paddles keep a ball in play; both see the places of paddles and ball as numbers.",
    "_butterfly_pong:cooperative_pong_vector",
    "_butterfly_pong:PongDynamics",
    _PONG,
    "cooperative_pong_v6, seen as numbers",
    (_RIGHT,),
    version=1,  # paddles move by the nearest whole pixel
    action="discrete",
    null_action=0,
    horizon=900,
    steps=_STEPS,
)

_PISTONBALL = (
    _P("gravity", "gravitational acceleration", "pixels/s²", 750.0, 0.1, 3.0),
    _P("tilt", "tilt of the floor, down to the right, away from the goal", "°", 0.0, -5.0, 5.0, mode="set"),
    _P("ball_friction", "friction of the ball, by which its spin moves it", "", 0.3, 0.0, 5.0),
    _P("ball_inertia", "moment of inertia of the ball", "of nominal", 1.0, 0.1, 5.0),
    _P("drag", "rate at which all motion of the ball dies away", "1/s", 0.0, 0.0, 3.0, mode="set"),
    _P("piston_speed", "strength of every piston's move", "of nominal", 1.0, 0.05, 3.0),
)
_task(
    "PistonballVector",
    "Twenty pistons pass a ball to the left wall; each sees its neighbours and the ball as numbers.",
    "_butterfly_pistonball:pistonball_vector",
    "_butterfly_pistonball:PistonballDynamics",
    _PISTONBALL,
    "pistonball_v6, seen as numbers",
    horizon=125,
    steps=_STEPS,
    modules=("pygame", "pymunk"),
    slow=True,
)
