"""Schedules: when, within an episode or over episodes, a term of a disruption acts, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass

from robust_gym.grammar import DisruptionError, Range, did_you_mean, number, read_range, show


@dataclass(frozen=True)
class ScheduleKind:
    """One way to say when a term acts.

    Attributes:
        name: The word after the ``~``.
        example: How it is written.
        about: What strength, from 0 to 1, it gives to a step, or to an episode.
        over_episodes: Whether the strength is the same throughout an episode, and a law of the episode's number.
        source: Where it comes from in the literature.
    """

    name: str
    example: str
    about: str
    over_episodes: bool = False
    source: str = ""


_REALWORLD = "realworldrl_suite's perturbation schedulers (Dulac-Arnold et al., 2021)"
_ENTRY = "a seeded reset enters it at a place drawn from the seed, an unseeded one goes on by an episode"

SCHEDULES: dict[str, ScheduleKind] = {
    schedule.name: schedule
    for schedule in (
        ScheduleKind("always", "always", "Every step."),
        ScheduleKind("p", "p=0.3", "Each step on its own, with that probability."),
        ScheduleKind("every", "every=20", "Steps 0, k, 2k and on.", source="Robust-Gymnasium (Gu et al., ICLR 2025)"),
        ScheduleKind("steps", "steps=100..200", "From the first to the last of these steps."),
        ScheduleKind("fault", "fault=200", "From a random step below that number on, until the episode ends."),
        ScheduleKind("ramp", "ramp=500", "The strength grows from 0 to 1 over that many steps."),
        ScheduleKind("sine", "sine=200", "Strength (1 - cos(2 pi t / period)) / 2 at step t."),
        ScheduleKind("episode", "episode=0.5", "The whole episode, with that probability."),
        ScheduleKind(
            "walk",
            "walk=0.1",
            f"The strength of an episode is that of the last one and a normal step of that size, reflected at 0 and 1; "
            f"{_ENTRY}.",
            True,
            _REALWORLD,
        ),
        ScheduleKind(
            "trend", "trend=100", f"The strength grows from 0 to 1 over that many episodes; {_ENTRY}.", True, _REALWORLD
        ),
        ScheduleKind(
            "cyclic",
            "cyclic=20",
            f"The strength grows from 0 to 1 over that many episodes, and begins anew; {_ENTRY}.",
            True,
            _REALWORLD,
        ),
        ScheduleKind(
            "saw", "saw=20", f"The strength grows and falls again in that many episodes; {_ENTRY}.", True, _REALWORLD
        ),
        ScheduleKind(
            "wave",
            "wave=20",
            f"Strength (1 - cos(2 pi n / period)) / 2 in episode n; {_ENTRY}.",
            True,
            "the non-stationary tasks of Robust-Gymnasium (Gu et al., ICLR 2025)",
        ),
    )
}
"""Every schedule, by name."""

OVER_EPISODES = tuple(name for name, schedule in SCHEDULES.items() if schedule.over_episodes)
"""Schedules whose strength is a law of the episode."""

_PROBABILITIES = ("p", "episode")


@dataclass(frozen=True)
class Schedule:
    """When, and how strongly, a term acts within an episode of steps ``t = 0, 1, 2, …``.

    Attributes:
        name: A key of `SCHEDULES`.
        values: The numbers after the equals sign.
    """

    name: str = "always"
    values: tuple[float, ...] = ()

    @property
    def within_episode(self) -> bool:
        """Whether the strength may change within an episode."""
        return self.name not in ("always", "episode", *OVER_EPISODES)

    def __str__(self) -> str:
        return self.name if self.name == "always" else f"{self.name}={'..'.join(map(show, self.values))}"


ALWAYS = Schedule()
"""The schedule of a term that names none."""


def parse_schedule(text: str, where: str) -> Schedule:
    """Read what stands after the ``~`` of a term.

    Raises:
        DisruptionError: If it is no schedule.
    """
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if name not in SCHEDULES:
        examples = ", ".join(schedule.example for schedule in SCHEDULES.values())
        raise DisruptionError(
            f"unknown schedule {text!r} in {where}; schedules are {examples}.{did_you_mean(name, SCHEDULES)}"
        )
    if name == "always":
        if equals:
            raise DisruptionError(f"the schedule 'always' in {where} takes no value")
        return ALWAYS
    if not value:
        raise DisruptionError(
            f"the schedule {name!r} in {where} needs a value, as in '{name}=…', for example {SCHEDULES[name].example!r}"
        )
    if name == "steps":
        window = read_range(value, where, point=True) if ".." in value else Range(*(number(value, where),) * 2)
        values: tuple[float, ...] = (window.low, window.high)
    else:
        values = (number(value, where),)
    if name in _PROBABILITIES:
        if not 0 < values[0] <= 1:
            raise DisruptionError(f"the probability {value!r} in {where} must be > 0 and <= 1")
    elif name == "walk":
        if not 0 < values[0] <= 1:
            raise DisruptionError(f"the step {value!r} of the walk in {where} must be > 0 and <= 1")
    elif any(v != int(v) for v in values) or values[0] < (0 if name == "steps" else 1):
        least, what = (0 if name == "steps" else 1), "episodes" if name in OVER_EPISODES else "steps"
        raise DisruptionError(f"the schedule {text!r} in {where} counts {what}: whole numbers >= {least}")
    if name in ("sine", "wave", "cyclic", "saw") and values[0] < 2:
        what = "episodes" if name in OVER_EPISODES else "steps"
        raise DisruptionError(f"the period {value!r} in {where} must be at least 2 {what}")
    return Schedule(name, values)
