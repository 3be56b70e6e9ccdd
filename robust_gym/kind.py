"""What a kind of disruption is: its arguments with units and bounds, its severity levels, its source."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
"""What a kind, a parameter or a shift may be called, so that disruption strings can name it."""

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
"""What an option of a semantic shift may be called."""

CHANNELS = ("dynamics", "action", "reward", "cost", "observation")
"""The channels, in the order in which they are applied, nearest the environment first."""

DEFAULT_KIND = {
    "dynamics": "random",
    "action": "gauss",
    "reward": "gauss",
    "cost": "gauss",
    "observation": "gauss",
}
"""The kind meant when a term names only a channel, as in ``obs:0.1``."""


@dataclass(frozen=True)
class Argument:
    """One numeric argument of a kind.

    Attributes:
        name: The key in ``key=value`` form, and the keyword of the implementing class.
        about: What the number means.
        unit: Its unit, for people.
        low: Smallest accepted value.
        high: Largest accepted value, or ``None`` for no limit.
        default: Value used when the string leaves it out; ``None`` makes it required.
        integer: Whether only whole numbers are accepted.
        open_low: Whether ``low`` itself is refused.
        identity: A value that would change nothing, and is therefore refused.
        words: The table of words that the argument is one of, such as ``"adversaries"``; empty for a number.
    """

    name: str
    about: str
    unit: str
    low: float
    high: float | None = None
    default: float | None = None
    integer: bool = False
    open_low: bool = False
    identity: float | None = None
    words: str = ""

    def problem(self, value: float) -> str | None:
        """Return why ``value`` is not acceptable, or ``None`` when it is."""
        if self.integer and value != int(value):
            return f"must be a whole number, got {value}"
        if value < self.low or (self.open_low and value == self.low):
            return f"must be {'>' if self.open_low else '>='} {self.low:g}, got {value}"
        if self.high is not None and value > self.high:
            return f"must be <= {self.high:g}, got {value}"
        if self.identity is not None and value == self.identity:
            return f"is {value:g}, which changes nothing"
        return None


@dataclass(frozen=True)
class Kind:
    """One way to disturb one channel.

    Attributes:
        channel: One of [CHANNELS][robust_gym.kinds.CHANNELS].
        name: The word used in a disruption string.
        about: One sentence for people.
        arguments: The arguments, in positional order.
        implementation: ``"module:Class"`` of the class that applies it.
        spaces: The signals it can act on: ``"box"``, ``"discrete"``, both, or only ``"image"``s or ``"vector"``s.
        levels: Arguments for severity ``@1`` to ``@5``, one tuple each.
        source: Where the kind comes from in the literature.
        least: How many dimensions, or choices, the signal needs.
        team: Whether it needs a team of agents.
        messages: Whether it needs a task whose observations hold messages.
        opponents: Whether it needs a task whose observations hold positions of opponents.
        policy: Whether it attacks a policy, which must be bound to the environment before it is stepped.
    """

    channel: str
    name: str
    about: str
    arguments: tuple[Argument, ...]
    implementation: str
    levels: tuple[tuple[float | str, ...], ...]
    spaces: tuple[str, ...] = ("box",)
    source: str = ""
    least: int = 1
    team: bool = False
    messages: bool = False
    opponents: bool = False
    policy: bool = False

    @property
    def full_name(self) -> str:
        """The kind with its channel (``observation:freeze``)."""
        return f"{self.channel}:{self.name}"

    @property
    def usage(self) -> str:
        """The kind written as a term, with its arguments named (``observation:freeze:p,steps``)."""
        return f"{self.full_name}:{','.join(a.name for a in self.arguments)}"


@dataclass(frozen=True)
class Preset:
    """A disruption of the literature that has a name.

    Attributes:
        name: The word written in its place.
        disruption: What it stands for.
        about: One sentence for people.
        source: Where it comes from.
    """

    name: str
    disruption: str
    about: str
    source: str
