"""``robust-gym validate``: the conformance checks on a task or a kind of disruption, registered or still a draft."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from robust_gym import registry
from robust_gym.conformance import Finding, check_kind, check_task, kind_tasks
from robust_gym.disruption import DisruptionError, did_you_mean
from robust_gym.kinds import CHANNELS, Kind, kind_named, plugin_kinds
from robust_gym.plugins import PluginError, load_plugin, load_plugins
from robust_gym.support import unsupported
from robust_gym.task import Task
from robust_gym.terminal import console, table

_CHANNELS = (*CHANNELS, "obs")


def validate_command(target: str, plugins: Sequence[str], *, as_json: bool) -> int:
    """Check a task, a kind of disruption, or all tasks and kinds of a file, and print what was found.

    A task is also checked under every kind of a plug-in that it can honour; a kind, on a few tasks that can honour it.

    Args:
        target: Id of a task, ``module:TASK``, the path of a ``.py`` file, or ``channel:kind``.
        plugins: Modules to import first.
        as_json: Whether to print JSON objects instead of a table.

    Returns:
        The exit code: 0 when every check passed, else 1.

    Raises:
        UnknownNameError: If there is no such task.
        DisruptionError: If there is no such kind, no task that is installed can honour it, or it attacks a policy.
        PluginError: If a module cannot be imported, or defines neither a task nor a kind.
        MissingExtraError: If a package a task needs is not installed.
    """
    load_plugins(plugins)
    ids, kinds = _meant(target)
    found: list[tuple[str, Finding]] = []
    for id in ids:
        found += [(id, finding) for finding in _of_task(id)]
    for kind in kinds:
        for id in _tasks_for(kind):
            if id not in ids:  # there it has been checked
                found += [(id, finding) for finding in check_kind(kind.full_name, id)]
    if as_json:
        rows = [{"task": id, "check": f.check, "ok": f.ok, "detail": f.detail} for id, f in found]
        print(json.dumps(rows, indent=2))
    else:
        lines = [(id, f.check, "ok" if f.ok else "FAILED", f.detail) for id, f in found]
        console().print(table(("task", "check", "result", "detail"), lines))
    return 0 if all(finding.ok for _, finding in found) else 1


def _of_task(id: str) -> list[Finding]:
    registry.task(id).require()
    findings = check_task(id)
    task = registry.task(id)  # its spaces are noted now, by which it is known what it can honour
    for kind in plugin_kinds():
        if unsupported(task, kind) is None and not kind.policy:
            findings += check_kind(kind.full_name, id)
    return findings


def _tasks_for(kind: Kind) -> list[str]:
    ids = kind_tasks(kind.full_name)
    if not ids:
        raise DisruptionError(f"no task that is installed can honour {kind.full_name}, so that it cannot be tried")
    return ids


def _meant(target: str) -> tuple[list[str], list[Kind]]:
    """Return the tasks' ids and the kinds meant, after registering what is not registered yet."""
    if target.endswith(".py") or Path(target).is_file():
        return _of_file(target)
    if ":" in target:
        home, _, attribute = target.rpartition(":")
        if home in _CHANNELS:
            return [], [kind_named(target)]
        try:
            return [_registered(load_plugin(home), attribute)], []
        except PluginError as error:
            hint = did_you_mean(home, _CHANNELS)
            raise PluginError(f"{error}.{hint}") if hint else error from None
    return [registry.task(target).id], []


def _of_file(path: str) -> tuple[list[str], list[Kind]]:
    tasks, kinds = set(registry.list_tasks()), plugin_kinds()
    module = load_plugin(path)
    ids = [registry.register_task(value).id for value in vars(module).values() if isinstance(value, Task)]
    ids = [id for id in registry.list_tasks() if id not in tasks] or ids
    # Those of a file that was named by --plugin too are no longer new.
    own = f"{module.__name__}:"
    added = [kind for kind in plugin_kinds() if kind not in kinds or kind.implementation.startswith(own)]
    if not ids and not added:
        raise PluginError(f"{path!r} defines no task and registers no kind of disruption")
    return ids, added


def _registered(module: ModuleType, attribute: str) -> str:
    value = getattr(module, attribute, None)
    if not isinstance(value, Task):
        raise PluginError(f"{module.__name__!r} has no task {attribute!r}")
    return registry.register_task(value).id
