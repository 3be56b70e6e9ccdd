"""The table of built-in kinds of disruption; see [robust_gym.kinds][].

Adding a kind is one entry here and one class in the channel's file under ``robust_gym/wrappers/``.
"""

from __future__ import annotations

from robust_gym.kind import Argument, Kind


def _sigma(about: str, unit: str) -> Argument:
    return Argument("sigma", about, unit, low=0, high=100, open_low=True)


def _probability(about: str, default: float | None = None) -> Argument:
    return Argument("p", about, "probability", low=0, high=1, default=default, open_low=True)


def _steps(about: str, default: float | None = None) -> Argument:
    return Argument("steps", about, "steps", low=1, high=10_000, default=default, integer=True)


def _one(*values: float) -> tuple[tuple[float, ...], ...]:
    return tuple((value,) for value in values)


_OBS_UNIT = "of each dimension's own scale"
_ACT_UNIT = "of half the action range"
_REW_UNIT = "of the task's reward scale"
_COST_UNIT = "of the task's cost scale"
_NOISE = _one(0.05, 0.1, 0.2, 0.3, 0.5)
_DROP = _one(0.05, 0.1, 0.2, 0.35, 0.5)
_DELAY = _one(1, 2, 3, 5, 8)
_EITHER = ("box", "discrete")
_EFFECTS = "robust_gym.wrappers.effects"
_OBSERVATION = "robust_gym.wrappers.observation"
_ACTION = "robust_gym.wrappers.action"
_REWARD = "robust_gym.wrappers.reward"

_REALWORLD = "realworldrl_suite (Dulac-Arnold et al., 2021)"
_ROBUST_GYM = "Robust-Gymnasium (Gu et al., ICLR 2025)"

TABLE: tuple[Kind, ...] = (
    Kind(
        "dynamics",
        "random",
        "Every dynamics parameter of the task drawn anew at each reset: scaled by U[1-delta, 1+delta], "
        "or, for a parameter whose nominal value is zero, shifted by U[-delta, delta] of its span. Pushes and most "
        "shapes are left out: they are only written by name.",
        (Argument("delta", "half width of the draw", "fraction", low=0, high=0.95, open_low=True),),
        "robust_gym.wrappers.dynamics:DynamicsDisruption",
        _one(0.1, 0.2, 0.3, 0.45, 0.6),
        source="domain randomisation; " + _ROBUST_GYM,
    ),
    Kind(
        "action",
        "gauss",
        "Gaussian noise on every action dimension, clipped to the action space.",
        (_sigma("standard deviation", _ACT_UNIT),),
        f"{_EFFECTS}:Gauss",
        _NOISE,
        source=_ROBUST_GYM,
    ),
    Kind(
        "action",
        "uniform",
        "Uniform noise from [-width, width] on every action dimension, clipped to the action space.",
        (Argument("width", "half width", _ACT_UNIT, low=0, high=100, open_low=True),),
        f"{_EFFECTS}:Uniform",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM,
    ),
    Kind(
        "action",
        "gain",
        "Every action dimension multiplied by a constant, clipped to the action space.",
        (Argument("factor", "gain", "factor", low=-10, high=10, identity=1),),
        f"{_EFFECTS}:Factor",
        _one(0.9, 0.8, 0.7, 0.55, 0.4),
        source="actuator fault model",
    ),
    Kind(
        "action",
        "delay",
        "The action takes effect some steps late; until the first one arrives the no-op action is applied "
        "(zero, or the task's own no-op, or the first action where there is none).",
        (_steps("delay"),),
        f"{_EFFECTS}:Delay",
        _DELAY,
        _EITHER,
        _REALWORLD,
    ),
    Kind(
        "action",
        "sticky",
        "With probability p the previously applied action is applied again.",
        (_probability("chance of a repeat at each step"),),
        f"{_ACTION}:Sticky",
        _one(0.1, 0.25, 0.4, 0.55, 0.7),
        _EITHER,
        "Arcade Learning Environment (Machado et al., 2018)",
    ),
    Kind(
        "action",
        "dropout",
        "With probability p the command is lost and the no-op action is applied "
        "(each dimension of a Box on its own; a Discrete task needs a no-op action).",
        (_probability("chance of a loss at each step"),),
        f"{_EFFECTS}:Dropout",
        _DROP,
        _EITHER,
        _REALWORLD,
    ),
    Kind(
        "reward",
        "gauss",
        "Gaussian noise on the reward.",
        (_sigma("standard deviation", _REW_UNIT),),
        f"{_EFFECTS}:Gauss",
        _NOISE,
        source=_ROBUST_GYM,
    ),
    Kind(
        "reward",
        "uniform",
        "Uniform noise from [-width, width] on the reward.",
        (Argument("width", "half width", _REW_UNIT, low=0, high=100, open_low=True),),
        f"{_EFFECTS}:Uniform",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM,
    ),
    Kind(
        "reward",
        "scale",
        "The reward multiplied by a constant.",
        (Argument("factor", "factor", "factor", low=-1000, high=1000, identity=1),),
        f"{_EFFECTS}:Factor",
        _one(0.8, 0.6, 0.4, 0.2, 0.1),
        source=_ROBUST_GYM,
    ),
    Kind(
        "reward",
        "flip",
        "With probability p the sign of the reward is flipped.",
        (_probability("chance of a flip at each step"),),
        f"{_REWARD}:Flip",
        _one(0.05, 0.1, 0.2, 0.3, 0.4),
        source="RL with perturbed rewards (Wang et al., AAAI 2020)",
    ),
    Kind(
        "reward",
        "delay",
        "The reward arrives some steps late; what is still under way when the episode ends is lost.",
        (_steps("delay"),),
        f"{_EFFECTS}:Delay",
        _one(1, 3, 5, 10, 20),
        source=_REALWORLD,
    ),
    Kind(
        "cost",
        "gauss",
        "Gaussian noise on the cost that the agent is told, which stays at least zero.",
        (_sigma("standard deviation", _COST_UNIT),),
        f"{_EFFECTS}:Gauss",
        _NOISE,
        source=_ROBUST_GYM,
    ),
    Kind(
        "cost",
        "uniform",
        "Uniform noise from [-width, width] on the cost, which stays at least zero.",
        (Argument("width", "half width", _COST_UNIT, low=0, high=100, open_low=True),),
        f"{_EFFECTS}:Uniform",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM,
    ),
    Kind(
        "cost",
        "shift",
        "A constant added to the cost, which stays at least zero.",
        (Argument("offset", "offset", _COST_UNIT, low=-100, high=100, identity=0),),
        f"{_EFFECTS}:Offset",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM,
    ),
    Kind(
        "cost",
        "scale",
        "The cost multiplied by a constant.",
        (Argument("factor", "factor", "factor", low=0, high=1000, identity=1),),
        f"{_EFFECTS}:Factor",
        _one(0.8, 0.6, 0.4, 0.2, 0.1),
        source="miscalibrated cost signal",
    ),
    Kind(
        "cost",
        "dropout",
        "With probability p the cost of a step goes unnoticed: the agent is told zero.",
        (_probability("chance of a loss at each step"),),
        f"{_EFFECTS}:Dropout",
        _DROP,
        source=_REALWORLD,
    ),
    Kind(
        "cost",
        "delay",
        "The cost arrives some steps late; what is still under way when the episode ends is lost.",
        (_steps("delay"),),
        f"{_EFFECTS}:Delay",
        _one(1, 3, 5, 10, 20),
        source=_REALWORLD,
    ),
    Kind(
        "observation",
        "gauss",
        "Gaussian noise on every observation dimension, clipped to the observation space.",
        (_sigma("standard deviation", _OBS_UNIT),),
        f"{_EFFECTS}:Gauss",
        _NOISE,
        source=_ROBUST_GYM,
    ),
    Kind(
        "observation",
        "uniform",
        "Uniform noise from [-width, width] on every observation dimension, clipped to the space.",
        (Argument("width", "half width", _OBS_UNIT, low=0, high=100, open_low=True),),
        f"{_EFFECTS}:Uniform",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM,
    ),
    Kind(
        "observation",
        "bias",
        "A constant added to every observation dimension, clipped to the space.",
        (Argument("offset", "offset", _OBS_UNIT, low=-100, high=100, identity=0),),
        f"{_EFFECTS}:Offset",
        _one(0.1, 0.2, 0.35, 0.5, 0.8),
        source=_ROBUST_GYM + " (shift)",
    ),
    Kind(
        "observation",
        "dropout",
        "Each dimension on its own reads zero with probability p (clipped to the space).",
        (_probability("chance of a loss, per dimension and step"),),
        f"{_EFFECTS}:Dropout",
        _DROP,
        source=_REALWORLD,
    ),
    Kind(
        "observation",
        "delay",
        "The agent sees the observation of some steps ago; at first it sees the reset observation.",
        (_steps("delay"),),
        f"{_OBSERVATION}:Delay",
        _DELAY,
        _EITHER,
        _REALWORLD,
    ),
    Kind(
        "observation",
        "freeze",
        "Each dimension on its own sticks at its present value with probability p, for a number of steps.",
        (
            _probability("chance that a free dimension sticks at a step"),
            _steps("how long it sticks", default=10),
        ),
        f"{_OBSERVATION}:Freeze",
        ((0.01, 5), (0.02, 10), (0.05, 10), (0.1, 10), (0.1, 20)),
        _EITHER,
        _REALWORLD + " (stuck sensor)",
    ),
    Kind(
        "observation",
        "random",
        "With probability p a discrete observation reads a value drawn uniformly from all others.",
        (_probability("chance of a wrong reading at each step"),),
        f"{_OBSERVATION}:Random",
        _DROP,
        ("discrete",),
        "state-estimation error in noisy-observation MDPs",
    ),
)
