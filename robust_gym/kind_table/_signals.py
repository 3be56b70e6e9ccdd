"""Kinds of the reward and cost channels."""

from __future__ import annotations

from robust_gym.kind import Argument, Kind
from robust_gym.kind_table._arguments import (
    COST_UNIT,
    LOSSES,
    REALWORLD,
    REWARD_UNIT,
    ROBUST_GYM,
    noise,
    offset,
    one,
    probability,
    size,
    steps,
)

_SHAPING, _LOSS = "robust_gym.wrappers.shaping", "robust_gym.wrappers.loss"
_TIMING = "robust_gym.wrappers.timing"


def _shared(channel: str, unit: str, lowest_factor: float) -> list[Kind]:
    """Return the kinds that mean the same for rewards and costs."""
    what = f"the {channel}"
    return [
        Kind(
            channel,
            "scale",
            f"The {channel} multiplied by a constant.",
            (Argument("factor", "factor", "factor", low=lowest_factor, high=1000, identity=1),),
            f"{_SHAPING}:Factor",
            one(0.8, 0.6, 0.4, 0.2, 0.1),
            source=ROBUST_GYM,
        ),
        Kind(
            channel,
            "clip",
            f"At most a limit of {what} is told.",
            (size("limit", "largest size", unit, 1000),),
            f"{_SHAPING}:Clip",
            one(0.9, 0.7, 0.5, 0.25, 0.1),
            source="reward clipping (Mnih et al., 2015)",
        ),
        Kind(
            channel,
            "dropout",
            f"With probability p {what} of a step goes unnoticed: the agent is told zero.",
            (probability("chance of a loss at each step"),),
            f"{_LOSS}:Dropout",
            LOSSES,
            source=REALWORLD,
        ),
        Kind(
            channel,
            "delay",
            f"The {channel} arrives some steps late; what is still under way when the episode ends is lost.",
            (steps("delay"),),
            f"{_TIMING}:Delay",
            one(1, 3, 5, 10, 20),
            source=REALWORLD,
        ),
        Kind(
            channel,
            "sparse",
            f"The {channel} is summed up and told every so many steps; what is open when the episode ends is lost.",
            (Argument("steps", "steps between two", "steps", low=2, high=10_000, integer=True),),
            f"{_TIMING}:Sparse",
            one(2, 5, 10, 20, 50),
            source="delayed and sparse rewards",
        ),
    ]


REWARD: tuple[Kind, ...] = (
    *noise("reward", REWARD_UNIT, ""),
    offset("reward", "shift", REWARD_UNIT, "A constant added to the reward."),
    *_shared("reward", REWARD_UNIT, -1000),
    Kind(
        "reward",
        "flip",
        "With probability p the sign of the reward is flipped.",
        (probability("chance of a flip at each step"),),
        f"{_LOSS}:Flip",
        one(0.05, 0.1, 0.2, 0.3, 0.4),
        source="RL with perturbed rewards (Wang et al., AAAI 2020)",
    ),
)

COST: tuple[Kind, ...] = (
    *noise("cost", COST_UNIT, ", which stays at least zero"),
    offset("cost", "shift", COST_UNIT, "A constant added to the cost, which stays at least zero."),
    *_shared("cost", COST_UNIT, 0),
    Kind(
        "cost",
        "flip",
        "With probability p the alarm is false: a cost reads zero, and no cost reads one unit of the cost's scale.",
        (probability("chance of a false alarm at each step"),),
        f"{_LOSS}:FalseAlarm",
        one(0.05, 0.1, 0.2, 0.3, 0.4),
        source="RL with perturbed rewards (Wang et al., AAAI 2020), for costs",
    ),
)
