"""``robust-gym show``: everything there is to know about one task, or one kind of disruption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from robust_gym import kinds, registry
from robust_gym.describing import accepted, kind_row, level_words
from robust_gym.kinds import CHANNELS, Kind
from robust_gym.plugins import load_plugins
from robust_gym.splits import task_protocol
from robust_gym.support import supported_kinds, unsupported
from robust_gym.task import BUDGETS, Task
from robust_gym.terminal import console, table

if TYPE_CHECKING:
    from rich.table import Table


def show_command(id: str, protocol: str | None, plugins: Sequence[str], *, as_json: bool) -> int:
    """Print a task, or a kind of disruption, which has a colon in its name.

    Args:
        id: The task's id, or ``channel:kind``.
        protocol: Version of the protocol whose cells of the task are shown; ``None`` for the usual one.
        plugins: Modules to import first.
        as_json: Whether to print a JSON object instead of tables.

    Raises:
        UnknownNameError: If the task or the protocol is unknown.
        DisruptionError: If the kind is unknown.
        PluginError: If a plug-in cannot be imported.
        ValueError: If a protocol is named for a kind.
    """
    load_plugins(plugins)
    if ":" in id:
        kind = kinds.kind_named(id)
        if protocol is not None:
            raise ValueError(f"--protocol {protocol} is for tasks: {kind.full_name} is the same in every protocol")
        if as_json:
            print(json.dumps(describe_kind(kind), indent=2))
        else:
            _print_kind(kind, describe_kind(kind))
        return 0
    task = registry.task(id)
    about = describe(task) if protocol is None else describe(task, protocol)
    if as_json:
        print(json.dumps(about, indent=2))
    else:
        _print(task, about)
    return 0


def describe(task: Task, protocol: str = "v1") -> dict[str, Any]:
    """Return everything about a task as JSON values, with stable keys."""
    cells = task_protocol(task.id, protocol)
    return {
        "id": task.id,
        "family": task.family,
        "about": task.about,
        "version": task.version,
        "source": task.source,
        "base": task.base,
        "api": task.api,
        "observation": task.observation,
        "action": task.action,
        "null_action": task.null_action,
        "spaces": task.spaces,
        "horizon": task.horizon,
        "cost": task.cost,
        "cost_limit": task.cost_limit,
        "slow": task.slow,
        "exact_model": bool(task.exact),
        "messages": {agent: list(dimensions) for agent, dimensions in task.messages.items()},
        "opponents": {agent: list(dimensions) for agent, dimensions in task.opponents.items()},
        "installed": task.missing() is None,
        "install": task.install,
        "dynamics": [asdict(parameter) for parameter in task.dynamics.values()],
        "semantic": [
            {**asdict(shift), "options": list(shift.options), "evaluated": list(shift.evaluated)}
            for shift in task.semantic.values()
        ],
        "kinds": {channel: [kind.name for kind in supported_kinds(task, channel)] for channel in CHANNELS},
        "budgets": {
            name: {"steps": task.budget(name).steps, "episodes": task.budget(name).episodes} for name in BUDGETS
        },
        "protocol": {
            "version": cells.version,
            "sha256": cells.sha256,
            "splits": {split.name: list(split.disruptions) for split in cells.splits},
            "episode_seeds": list(cells.seeds),
        },
        "reference": asdict(task.reference) if task.reference else None,
        "algorithms": registry.algorithms_for(task),
    }


def describe_kind(kind: Kind) -> dict[str, Any]:
    """Return everything about a kind of disruption as JSON values, with stable keys."""
    tasks = [registry.task(id) for id in registry.list_tasks()]
    families = {task.family: kinds.levels(kind, task.family) for task in tasks}
    return {
        **kind_row(kind),
        "family_levels": {name: [list(one) for one in many] for name, many in families.items() if many != kind.levels},
        "tasks": [task.id for task in tasks if unsupported(task, kind) is None],
    }


def _print_kind(kind: Kind, about: dict[str, Any]) -> None:
    out = console()
    out.print(f"{kind.full_name}: {kind.about}")
    facts = {
        "written": f"{kind.usage}, or {kind.full_name}@1 to @5",
        "acts on": about["acts_on"],
        "source": kind.source or "none",
        "tasks": f"{len(about['tasks'])} of {len(registry.list_tasks())} can honour it",
    }
    for name, value in facts.items():
        out.print(f"  {name:<12} {value}")
    columns = ("argument", "meaning", "unit", "accepted", "default")
    arguments = [
        (one.name, one.about, one.unit, accepted(one), "required" if one.default is None else f"{one.default:g}")
        for one in kind.arguments
    ]
    out.print()
    out.print(table(columns, arguments, title="Arguments"))
    levels = [("all others" if about["family_levels"] else "all", *map(level_words, kind.levels))]
    levels += [(family, *map(level_words, many)) for family, many in about["family_levels"].items()]
    out.print()
    out.print(table(("family", "@1", "@2", "@3", "@4", "@5"), levels, title="Severity levels"))


def _print(task: Task, about: dict[str, Any]) -> None:
    out = console()
    out.print(f"{task.id}: {task.about}")
    facts = {
        "family": task.family,
        "source": task.source,
        "base": task.base,
        "agents": "many (PettingZoo parallel)" if task.api == "parallel" else "one (Gymnasium)",
        **_signals(task),
        "horizon": f"{task.horizon} steps",
        "installed": "yes" if about["installed"] else f"no: {task.missing()}",
        "algorithms": ", ".join(about["algorithms"]) or "none",
        "reference": _reference(about["reference"]),
    }
    for name, value in facts.items():
        out.print(f"  {name:<12} {value}")
    if task.dynamics:
        out.print()
        out.print(_parameters(task))
    if task.semantic:
        out.print()
        out.print(_shifts(task))
    kinds = [(channel, ", ".join(names) or "none") for channel, names in about["kinds"].items()]
    out.print()
    out.print(table(("channel", "kinds"), kinds, title="Disruptions it can honour"))
    columns = ("budget", "training steps", "episodes per disruption")
    budgets = [(name, f"{budget['steps']:,}", str(budget["episodes"])) for name, budget in about["budgets"].items()]
    out.print()
    out.print(table(columns, budgets, title="Budgets", numbers=columns[1:]))
    protocol = about["protocol"]
    splits = [(name, ", ".join(disruptions)) for name, disruptions in protocol["splits"].items()]
    title = f"Protocol {protocol['version']} ({protocol['sha256'][:12]})"
    out.print()
    out.print(table(("split", "disruptions"), splits, title=title))


def _signals(task: Task) -> dict[str, str]:
    """Return what passes between agent and environment, in words."""
    spaces = task.spaces or {}
    found = {
        "observation": spaces.get("observation", task.observation),
        "action": spaces.get("action", task.action),
    }
    if task.observation == "dict":
        found["observation"] += f"; always true: {', '.join(task.undisturbed)}"
    if task.cost:
        found["cost"] = "info['cost']" + (f", below {task.cost_limit:g} an episode" if task.cost_limit else "")
        found["cost"] += ", summed over agents" if task.cost_limit and task.api == "parallel" else ""
    if task.exact:
        found["exact model"] = f"robust_gym.task({task.id!r}).model()"
    return found


def _parameters(task: Task) -> Table:
    columns = ("parameter", "about", "nominal", "unit", "accepts", "drawn by random")
    rows = [
        (
            f"dynamics:{parameter.name}",
            parameter.about,
            f"{parameter.nominal:g}",
            parameter.unit,
            f"{parameter.low:g}..{parameter.high:g} {'x nominal' if parameter.mode == 'scale' else parameter.unit}",
            "yes" if parameter.drawn else "no",
        )
        for parameter in task.dynamics.values()
    ]
    return table(columns, rows, title="Dynamics parameters", numbers=("nominal",))


def _shifts(task: Task) -> Table:
    columns = ("shift", "about", "nominal", "options")
    rows = [
        (f"dynamics:{shift.name}", shift.about, shift.nominal, ", ".join(shift.options))
        for shift in task.semantic.values()
    ]
    return table(columns, rows, title="Semantic shifts")


def _reference(reference: dict[str, Any] | None) -> str:
    if reference is None:
        return "not measured"
    return f"random {reference['random']:,.6g}, {reference['method']} {reference['reference']:,.6g}"
