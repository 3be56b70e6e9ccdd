"""What ``robust-gym ls`` and the documentation say of kinds of disruption, schedules and presets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from robust_gym import kinds
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.kinds import PRESETS, Argument, Kind
from robust_gym.schedule import SCHEDULES
from robust_gym.support import unsupported
from robust_gym.task import Task
from robust_gym.terminal import console, table
from robust_gym.wrappers.apply import check

Row = dict[str, Any]

CHANNELS_ABOUT = {
    "dynamics": "the world itself",
    "action": "what the actuators do with the command",
    "reward": "what the agent is told it has earned",
    "cost": "what the agent is told a step has cost",
    "observation": "what the agent sees",
}

_SIGNALS = {"box": "Box", "discrete": "Discrete", "vector": "vectors", "image": "images"}


def supported(channel: str | None = None, task: Task | None = None) -> list[Kind]:
    """Return the kinds of a channel, or of all, that a task, or any, can honour."""
    return [kind for kind in kinds.kinds(channel) if task is None or unsupported(task, kind) is None]


def kind_rows(channel: str | None = None, task: Task | None = None) -> list[Row]:
    """Return kinds as JSON objects, with the severity levels of the task's family; see `supported`."""
    return [kind_row(kind, task.family if task else "") for kind in supported(channel, task)]


def kind_row(kind: Kind, family: str = "") -> Row:
    """Return a kind as a JSON object.

    Args:
        kind: The kind.
        family: The family of tasks whose severity levels are meant; by default the kind's own.
    """
    return {
        "channel": kind.channel,
        "kind": kind.name,
        "usage": kind.usage,
        "about": kind.about,
        "arguments": [{**asdict(one), "options": list(kinds.choices(one.words))} for one in kind.arguments],
        "levels": [list(level) for level in kinds.levels(kind, family)],
        "spaces": list(kind.spaces),
        "acts_on": acts_on(kind),
        "least": kind.least,
        "team": kind.team,
        "messages": kind.messages,
        "opponents": kind.opponents,
        "policy": kind.policy,
        "source": kind.source,
    }


def acts_on(kind: Kind) -> str:
    """Return the signals that a kind can act on, in words."""
    if kind.channel in ("reward", "cost"):
        return f"the {kind.channel}"
    if kind.channel == "dynamics":
        return "forces" if kind.name == "forces" else "parameters"
    words = ", ".join(_SIGNALS[space] for space in kind.spaces)
    needs = [
        f"{kind.least} dimensions or more" if kind.least > 1 else "",
        "of a team" if kind.team else "",
        "with messages" if kind.messages else "",
        "with positions of opponents" if kind.opponents else "",
        "with a policy to attack" if kind.policy else "",
    ]
    return "; ".join([words, *filter(None, needs)])


def accepted(argument: Argument) -> str:
    """Return what an argument may be, in words: ``"> 0, <= 100"``, ``"whole, >= 1"``, or the words of a table."""
    if argument.words:
        return f"one of {', '.join(kinds.choices(argument.words)) or 'none yet'}"
    whole = "whole, " if argument.integer else ""
    low = f"{'>' if argument.open_low else '>='} {argument.low:g}"
    high = "" if argument.high is None else f", <= {argument.high:g}"
    identity = "" if argument.identity is None else f", not {argument.identity:g}"
    return f"{whole}{low}{high}{identity}"


def argument_words(argument: Argument) -> str:
    """Return an argument on one line: its name, bounds, unit and default."""
    unit = argument.unit if argument.unit != argument.name else ""
    default = "" if argument.default is None else f"default {argument.default:g}"
    more = "; ".join(filter(None, (unit, default)))
    return f"{argument.name}: {accepted(argument)}" + (f" ({more})" if more else "")


def level_words(level: Sequence[float | str]) -> str:
    """Return the arguments of a severity level as they are written."""
    return ",".join(value if isinstance(value, str) else f"{value:g}" for value in level)


def schedule_rows() -> list[Row]:
    """Return every schedule as a JSON object."""
    return [
        {
            "schedule": schedule.name,
            "example": schedule.example,
            "about": schedule.about,
            "over_episodes": schedule.over_episodes,
            "source": schedule.source,
        }
        for schedule in SCHEDULES.values()
    ]


def preset_rows(task: Task | None = None) -> list[Row]:
    """Return every preset, or those that a task can honour, as JSON objects."""
    return [
        {"preset": one.name, "about": one.about, "disruption": one.disruption, "source": one.source}
        for one in PRESETS.values()
        if task is None or _can_honour(task, one.disruption)
    ]


def _can_honour(task: Task, disruption: str) -> bool:
    try:
        check(Disruption.parse(disruption), task, task.action)
    except DisruptionError:
        return False
    return True


def print_kinds(channel: str | None = None, task: Task | None = None) -> None:
    """Print kinds, a table for each channel; of a task also its parameters, and what it cannot honour and why."""
    out, found = console(), supported(channel, task)
    # A terminal has room below, and what is piped is read line by line.
    between = "\n" if out.is_terminal else "; "
    for name in dict.fromkeys(kind.channel for kind in found):
        lines = [
            (
                kind.usage,
                between.join(map(argument_words, kind.arguments)),
                "  ".join(map(level_words, kinds.levels(kind, task.family if task else ""))),
                acts_on(kind),
                kind.about,
            )
            for kind in found
            if kind.channel == name
        ]
        columns = (f"{name} kind", "arguments", "levels @1 to @5", "acts on", "what happens")
        out.print(table(columns, lines, title=f"{name}: {CHANNELS_ABOUT[name]}"))
        out.print()
    if task is not None:
        if channel in (None, "dynamics"):
            _print_parameters(task)
        _print_refused(task, channel)
    counts = Counter(kind.channel for kind in found)
    out.print(f"{len(found)} kinds: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    out.print("One in full: robust-gym show CHANNEL:KIND; when they act: robust-gym ls schedules")


def _print_parameters(task: Task) -> None:
    lines = [
        (
            f"dynamics:{one.name}",
            f"{one.low:g}..{one.high:g} {'x nominal' if one.mode == 'scale' else one.unit}",
            one.about,
        )
        for one in task.dynamics.values()
    ]
    lines += [
        (f"dynamics:{one.name}", ", ".join(option for option in one.options if option != one.nominal), one.about)
        for one in task.semantic.values()
    ]
    if lines:
        title = f"dynamics: parameters and shifts of {task.id}, written with a value, a range low..high, or a word"
        console().print(table(("name", "accepts", "what it is"), lines, title=title))
        console().print()


def _print_refused(task: Task, channel: str | None) -> None:
    reasons: dict[str, list[str]] = {}
    for kind in kinds.kinds(channel):
        reason = unsupported(task, kind)
        if reason:
            reasons.setdefault(reason, []).append(f"{kind.channel}:{kind.name}")
    if reasons:
        lines = [(reason, ", ".join(names)) for reason, names in reasons.items()]
        console().print(table(("because", "not"), lines, title=f"What {task.id} cannot honour"))
        console().print()


def print_schedules() -> None:
    """Print the schedules, those within an episode before those over episodes."""
    out = console()
    for title, over in (("Within an episode, step by step", False), ("Over episodes, one by one", True)):
        lines = [
            (f"~{row['example']}", row["about"], row["source"])
            for row in schedule_rows()
            if row["over_episodes"] == over
        ]
        out.print(table(("schedule", "when, and how strongly, a term acts", "source"), lines, title=title))
        out.print()
    out.print("Put behind a term: obs:gauss:0.1~every=20+dynamics:gravity:1.3~ramp=500")
