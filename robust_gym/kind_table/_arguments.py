"""Arguments and units that many kinds share."""

from __future__ import annotations

from robust_gym.kind import Argument, Kind

OBSERVATION_UNIT = "of each dimension's own scale"
ACTION_UNIT = "of half the action range"
REWARD_UNIT = "of the task's reward scale"
COST_UNIT = "of the task's cost scale"

REALWORLD = "realworldrl_suite (Dulac-Arnold et al., 2021)"
ROBUST_GYM = "Robust-Gymnasium (Gu et al., ICLR 2025)"

EITHER = ("box", "discrete")


def sigma(unit: str) -> Argument:
    """Return a standard deviation."""
    return Argument("sigma", "standard deviation", unit, low=0, high=100, open_low=True)


def size(name: str, about: str, unit: str, high: float = 100, default: float | None = None) -> Argument:
    """Return a length greater than zero."""
    return Argument(name, about, unit, low=0, high=high, default=default, open_low=True)


def probability(about: str, default: float | None = None) -> Argument:
    """Return a probability greater than zero."""
    return Argument("p", about, "probability", low=0, high=1, default=default, open_low=True)


def steps(about: str, default: float | None = None) -> Argument:
    """Return a number of steps."""
    return Argument("steps", about, "steps", low=1, high=10_000, default=default, integer=True)


def whole(name: str, about: str, unit: str, high: float, default: float | None = None, low: float = 1) -> Argument:
    """Return a number of things."""
    return Argument(name, about, unit, low=low, high=high, default=default, integer=True)


def one(*values: float) -> tuple[tuple[float, ...], ...]:
    """Return the five levels of a kind with one argument."""
    return tuple((value,) for value in values)


NOISE = one(0.05, 0.1, 0.2, 0.3, 0.5)
WIDTHS = one(0.1, 0.2, 0.35, 0.5, 0.8)
LOSSES = one(0.05, 0.1, 0.2, 0.35, 0.5)
DELAYS = one(1, 2, 3, 5, 8)


def noise(channel: str, unit: str, after: str) -> list[Kind]:
    """Return the kinds that add noise, the same on every channel.

    Args:
        channel: The channel.
        unit: What the noise is measured in.
        after: What happens to values outside the space.
    """
    home = "robust_gym.wrappers.noise"
    what = f"every {channel} dimension" if channel in ("action", "observation") else f"the {channel}"
    return [
        Kind(
            channel,
            "gauss",
            f"Gaussian noise on {what}{after}.",
            (sigma(unit),),
            f"{home}:Gauss",
            NOISE,
            source=ROBUST_GYM,
        ),
        Kind(
            channel,
            "laplace",
            f"Laplace noise on {what}: as large as Gaussian noise on average, with more outliers{after}.",
            (sigma(unit),),
            f"{home}:Laplace",
            NOISE,
            source="heavy-tailed measurement noise",
        ),
        Kind(
            channel,
            "uniform",
            f"Uniform noise from [-width, width] on {what}{after}.",
            (size("width", "half width", unit),),
            f"{home}:Uniform",
            WIDTHS,
            source=ROBUST_GYM,
        ),
    ]


def offset(channel: str, name: str, unit: str, about: str) -> Kind:
    """Return the kind that adds a constant."""
    argument = Argument("offset", "offset", unit, low=-100, high=100, identity=0)
    return Kind(
        channel, name, about, (argument,), "robust_gym.wrappers.noise:Offset", WIDTHS, source=ROBUST_GYM + " (shift)"
    )
