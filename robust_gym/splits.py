"""The protocol of a task: the splits that its spaces and its parameters allow."""

from __future__ import annotations

from robust_gym import protocol, registry
from robust_gym.disruption import Disruption, Term, did_you_mean
from robust_gym.registry import UnknownNameError
from robust_gym.support import signal, supported_kinds
from robust_gym.task import Task
from robust_gym.uncertainty import RRLS, Box

PROTOCOLS = ("v1", "rrls")
"""Known versions of the protocol: our own, and the uncertainty sets of RRLS, which six tasks have."""

# The kinds that the protocol evaluates, per channel and per kind of action.
_V1_ACTION = {"box": ("gauss", "delay"), "discrete": ("sticky", "delay")}
_V1_OBSERVATION = {"box": ("gauss", "delay"), "discrete": ("random", "delay")}


def no_protocol(task_id: str, version: str) -> str | None:
    """Return why a task has no protocol of a version, or ``None`` when it has one.

    Raises:
        UnknownNameError: If the version is not known.
    """
    if version not in PROTOCOLS:
        hint = did_you_mean(version, PROTOCOLS)
        raise UnknownNameError(f"unknown protocol {version!r}; versions are {', '.join(PROTOCOLS)}.{hint}")
    if version == "rrls" and task_id not in RRLS:
        return f"protocol rrls has nothing for {task_id}; it has {', '.join(RRLS)}"
    return None


def _factors(task: Task, box: Box) -> dict[str, tuple[float, float]]:
    """Return a set as disruption strings give its values: multiples of the nominal one."""
    nominal = {name: task.dynamics[name].nominal for name in box}
    return {name: (low / nominal[name], high / nominal[name]) for name, (low, high) in box.items()}


def task_protocol(task_id: str, version: str = "v1") -> protocol.Protocol:
    """Return the protocol of a task: its splits, disruptions and episode seeds.

    Raises:
        UnknownNameError: If the task or the version is not known, or the task has no such protocol.
    """
    found = registry.task(task_id)
    reason = no_protocol(found.id, version)
    if reason:
        raise UnknownNameError(reason)
    if version == "rrls":
        return protocol.build_rrls(found.id, [_factors(found, box) for box in RRLS[found.id]])
    wanted = {
        "dynamics": ("random",),
        "action": _V1_ACTION[found.action],
        "observation": _V1_OBSERVATION[signal(found)],
    }
    levels: dict[str, dict[str, list[str]]] = {}
    for channel, names in wanted.items():
        possible = {kind.name for kind in supported_kinds(found, channel)}
        by_kind = {name: _levels(channel, name) for name in names if name in possible}
        if by_kind:
            levels[channel] = by_kind
    return protocol.build_v1(found.id, found.horizon, levels, _semantic(found))


def _levels(channel: str, kind: str) -> list[str]:
    return [str(Disruption((Term(channel, kind, level=level),)).resolved()) for level in range(1, 6)]


def _semantic(task: Task) -> list[str]:
    singles = [f"dynamics:{shift.name}:{option}" for shift in task.semantic.values() for option in shift.evaluated]
    if len(task.semantic) < 2:
        return singles
    # Two shifts at once (another city in another season) are a question of their own.
    first, second, *_ = task.semantic.values()
    return singles + [
        f"dynamics:{first.name}:{a}+dynamics:{second.name}:{b}" for a in first.evaluated for b in second.evaluated
    ]
