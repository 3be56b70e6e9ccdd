"""Which kinds of disruption a task can honour, and why not the others."""

from __future__ import annotations

import re

from robust_gym import kinds
from robust_gym.kinds import Kind
from robust_gym.task import Task


def supported_kinds(task: Task, channel: str, action: str | None = None) -> list[Kind]:
    """List the kinds of a channel that a task can honour; see ``unsupported``."""
    return [kind for kind in kinds.kinds(channel) if unsupported(task, kind, action) is None]


def unsupported(task: Task, kind: Kind, action: str | None = None) -> str | None:
    """Return why a task cannot honour a kind, or ``None`` when it can.

    Args:
        task: The task.
        kind: The kind.
        action: What the actions of the environment at hand are, where its arguments may have changed them.
    """
    action = action or task.action
    refused = task.refuses.get(f"{kind.channel}:{kind.name}")
    if refused:
        return refused
    if kind.team and not _is_team(task):
        return "it has one agent"
    if kind.policy and task.api == "parallel":
        return "it is a multi-agent task, and an adversary attacks the policy of a single agent"
    if kind.channel == "dynamics":
        if kind.name == "forces":
            return None if task.forces else "it has no parameter that is an external force"
        if not task.drawn:
            return "it has no dynamics parameter to draw"
        within = kind.name == "redraw" and all(parameter.at_reset for parameter in task.drawn)
        return "those of its dynamics parameters that are drawn take effect at resets only" if within else None
    if kind.channel == "reward":
        return None
    if kind.channel == "cost":
        return None if task.cost else "it reports no cost, or one that is always zero"
    if kind.channel == "observation":
        return _unseen(task, kind)
    if action not in kind.spaces:
        return f"its actions are {action}"
    if kind.name == "dropout" and action == "discrete" and task.null_action is None:
        return "it has no action that does nothing"
    return _too_small(task, kind, "action")


def _unseen(task: Task, kind: Kind) -> str | None:
    """Return why a task's observations cannot be disturbed by a kind."""
    if kind.messages and not task.messages:
        return "its observations hold no messages of other agents"
    if kind.opponents and not task.opponents:
        return "its observations hold no positions of opponents"
    image = task.observation == "image"
    if "image" in kind.spaces:
        return None if image else "its observations are no images"
    if "vector" in kind.spaces:
        noted = _noted(task, "observation")
        vector = task.observation == "box" and (not noted or _sizes(task, "observation"))
        return None if vector and "int" not in noted else "its observations are no real vectors"
    if signal(task) not in kind.spaces:
        return f"its observations are {task.observation}"
    return _too_small(task, kind, "observation")


def _too_small(task: Task, kind: Kind, what: str) -> str | None:
    sizes = _sizes(task, what)
    if kind.least == 1 or not sizes or max(sizes) >= kind.least:
        return None
    return f"its {what}s have one dimension"


_SIZES = re.compile(r"\((\d+),\)|Discrete\((\d+)\)")


def _sizes(task: Task, what: str) -> list[int]:
    """Return the dimensions of the vectors, or numbers of choices, among a task's spaces, as far as they are noted."""
    return [int(vector or choices) for vector, choices in _SIZES.findall(_noted(task, what))]


def _is_team(task: Task) -> bool:
    """Return whether a task has several agents, as far as its spaces are noted."""
    agents = _noted(task, "action").partition(" for ")[2]
    return task.api == "parallel" and (not agents or any(word in agents for word in (",", " to ", ";")))


def _noted(task: Task, what: str) -> str:
    return (task.spaces or {}).get(what, "")


def signal(task: Task) -> str:
    """Return what observation disruptions act on: images and the parts of a dict are Boxes."""
    return "discrete" if task.observation == "discrete" else "box"
