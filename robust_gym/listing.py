"""``robust-gym ls``: what there is, as plain tables or as JSON objects with stable keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from robust_gym import describing, kinds, registry
from robust_gym.bench import campaign_file
from robust_gym.bench.arguments import known_settings
from robust_gym.disruption import did_you_mean
from robust_gym.plugins import load_plugins
from robust_gym.registry import UnknownNameError
from robust_gym.splits import no_protocol, task_protocol
from robust_gym.task import Task
from robust_gym.terminal import console, table

Row = dict[str, Any]

SPLITS = {
    "id": "the undisturbed world, at fresh seeds",
    "ood-near": "one channel disturbed a little, at the first two of its kinds' own five levels",
    "ood-far": "one channel disturbed strongly, at the other three",
    "ood-mixed": "several channels disturbed at once",
    "ood-drift": "a disturbance that grows within the episode",
    "ood-semantic": "another city, season, map or goal",
    "ood-1d": "a grid over one parameter's interval, its ends included",
    "ood-2d": "a grid over two parameters' box, its corners included",
    "ood-3d": "a grid over three parameters' box, its corners included",
}
"""What each split asks; of ``ood-near-CHANNEL`` and ``ood-far-CHANNEL`` the beginning."""


@dataclass(frozen=True)
class Filters:
    """What to leave out of a list; ``None`` leaves nothing out.

    Attributes:
        family: Family of tasks.
        api: ``gymnasium`` or ``parallel``.
        task: Id of a task: algorithms that train on it, disruptions it can honour, splits it has.
        channel: Channel of disruptions.
        protocol: Version of the protocol.
        installed: Only what can be used as it is.
    """

    family: str | None = None
    api: str | None = None
    task: str | None = None
    channel: str | None = None
    protocol: str = "v1"
    installed: bool = False


def list_command(what: str, filters: Filters, plugins: Sequence[str], *, as_json: bool) -> int:
    """Print a list: a key of [LISTS][robust_gym.listing.LISTS].

    Raises:
        UnknownNameError: If a filter names something that does not exist.
        ValueError: If a filter does not apply to the list.
        PluginError: If a plug-in cannot be imported.
    """
    load_plugins(plugins)
    find, show, accepted = LISTS[what]
    for field in fields(Filters):
        if getattr(filters, field.name) != field.default and field.name not in accepted:
            options = ", ".join(f"--{name}" for name in accepted)
            there = f"; there are {options}" if accepted else ", which has no filters"
            raise ValueError(f"--{field.name} does not filter {what}{there}")
    rows = find(filters)
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows, filters)
    return 0


def tasks(filters: Filters) -> list[Row]:
    """List tasks."""
    found = [registry.task(id) for id in registry.list_tasks(filters.family)]
    return [
        {
            "id": task.id,
            "family": task.family,
            "about": task.about,
            "api": task.api,
            "observation": task.observation,
            "action": task.action,
            "horizon": task.horizon,
            "dynamics": list(task.dynamics),
            "semantic": list(task.semantic),
            "cost": task.cost,
            "slow": task.slow,
            "installed": task.missing() is None,
            "install": task.install,
        }
        for task in found
        if filters.api in (None, task.api) and not (filters.installed and task.missing())
    ]


def algorithms(filters: Filters) -> list[Row]:
    """List algorithms."""
    wanted = _wanted(filters)
    rows = []
    for name in registry.list_algorithms():
        info = registry.algorithm(name)
        if filters.api is not None and filters.api not in info.apis:
            continue
        if wanted is not None and info.refuses(wanted) is not None:
            continue
        missing = info.missing()
        if filters.installed and missing:
            continue
        rows.append(
            {
                "name": name,
                "about": info.about,
                "apis": list(info.apis),
                "actions": list(info.actions),
                "train": info.train,
                "privileges": list(info.privileges),
                "compare": list(info.compare),
                "arguments": _arguments(info.cls),
                "settings": _plain(known_settings(info)),
                "paper": info.paper,
                "installed": missing is None,
                "install": info.install,
            }
        )
    return rows


def _arguments(cls: type) -> Row:
    defaults = cls()
    return _plain({field.name: getattr(defaults, field.name) for field in fields(cls)})


def _plain(values: Mapping[str, Any]) -> Row:
    found: Row = json.loads(json.dumps(values, default=str))
    return found


def disruptions(filters: Filters) -> list[Row]:
    """List kinds of disruption; with a task those that it can honour, with the severity levels of its family."""
    if filters.channel is not None and filters.channel not in kinds.CHANNELS:
        hint = did_you_mean(filters.channel, kinds.CHANNELS)
        raise UnknownNameError(f"unknown channel {filters.channel!r}; channels are {', '.join(kinds.CHANNELS)}.{hint}")
    return describing.kind_rows(filters.channel, _wanted(filters))


def schedules(filters: Filters) -> list[Row]:
    """List schedules."""
    return describing.schedule_rows()


def presets(filters: Filters) -> list[Row]:
    """List presets; with a task those that it can honour."""
    return describing.preset_rows(_wanted(filters))


def suites(filters: Filters) -> list[Row]:
    """List the campaigns that come with the package."""
    return [{"suite": name, **file.model_dump(mode="json")} for name, file in campaign_file.suites().items()]


def _wanted(filters: Filters) -> Task | None:
    return None if filters.task is None else registry.task(filters.task)


def splits(filters: Filters) -> list[Row]:
    """List the protocol's splits, task by task."""
    if filters.task is not None:
        if filters.family is not None:
            raise ValueError("give --task or --family, not both")
        ids = [registry.task(filters.task).id]
    else:
        ids = [id for id in registry.list_tasks(filters.family) if not no_protocol(id, filters.protocol)]
    rows = []
    for id in ids:
        protocol = task_protocol(id, filters.protocol)
        rows += [
            {
                "protocol": protocol.version,
                "task": id,
                "split": split.name,
                "about": _about_split(split.name),
                "disruptions": list(split.disruptions),
                "episode_seeds": list(protocol.seeds),
            }
            for split in protocol.splits
        ]
    return rows


def _about_split(name: str) -> str:
    return next((about for start, about in SPLITS.items() if name.startswith(start)), "")


def _print_tasks(rows: list[Row], filters: Filters) -> None:
    columns = ("id", "family", "agents", "action", "horizon", "parameters", "installed")
    lines = [
        (
            row["id"],
            row["family"],
            "many" if row["api"] == "parallel" else "one",
            row["action"],
            str(row["horizon"]),
            str(len(row["dynamics"]) + len(row["semantic"])),
            "yes" if row["installed"] else "no",
        )
        for row in rows
    ]
    out = console()
    out.print(table(columns, lines, numbers=("horizon", "parameters")))
    out.print()
    out.print(table(("family", "tasks", "installed", "needs"), _families(rows), numbers=("tasks", "installed")))
    out.print(f"{len(rows)} tasks, {sum(row['installed'] for row in rows)} of them installed")


def _families(rows: list[Row]) -> list[tuple[str, ...]]:
    """Return a line for every family: how many tasks it has, how many can be made, what it needs."""
    lines: list[tuple[str, ...]] = []
    for family in dict.fromkeys(row["family"] for row in sorted(rows, key=lambda row: row["family"])):
        own = [row for row in rows if row["family"] == family]
        needs = " or ".join(dict.fromkeys(row["install"] for row in own))
        lines.append((family, str(len(own)), str(sum(row["installed"] for row in own)), needs))
    return lines


def _print_algorithms(rows: list[Row], filters: Filters) -> None:
    columns = ("name", "about", "trains on", "train", "privileges", "installed")
    lines = [
        (
            row["name"],
            row["about"],
            f"{', '.join(row['apis'])}; {', '.join(row['actions'])} actions",
            row["train"],
            ", ".join(row["privileges"]),
            "yes" if row["installed"] else row["install"],
        )
        for row in rows
    ]
    console().print(table(columns, lines))


def _print_disruptions(rows: list[Row], filters: Filters) -> None:
    describing.print_kinds(filters.channel, _wanted(filters))


def _print_schedules(rows: list[Row], filters: Filters) -> None:
    describing.print_schedules()


def _print_presets(rows: list[Row], filters: Filters) -> None:
    lines = [(row["preset"], row["about"], row["disruption"], row["source"]) for row in rows]
    console().print(table(("preset", "about", "stands for", "source"), lines))


def _print_splits(rows: list[Row], filters: Filters) -> None:
    if filters.task is not None:
        pairs = [(row["split"], disruption) for row in rows for disruption in row["disruptions"]]
        console().print(table(("split", "disruption"), pairs))
        return
    names = dict.fromkeys(row["split"] for row in rows)
    lines = [(name, _about_split(name), str(sum(row["split"] == name for row in rows))) for name in names]
    console().print(table(("split", "about", "tasks"), lines, numbers=("tasks",)))


def _print_suites(rows: list[Row], filters: Filters) -> None:
    lines = [(row["suite"], row["about"], str(len(row["algorithms"])), row["budget"], row["source"]) for row in rows]
    columns = ("suite", "about", "algorithms", "budget", "source")
    console().print(table(columns, lines, numbers=("algorithms",)))


Printer = Callable[[list[Row], Filters], None]

LISTS: dict[str, tuple[Callable[[Filters], list[Row]], Printer, tuple[str, ...]]] = {
    "tasks": (tasks, _print_tasks, ("family", "api", "installed")),
    "algos": (algorithms, _print_algorithms, ("api", "task", "installed")),
    "disruptions": (disruptions, _print_disruptions, ("channel", "task")),
    "schedules": (schedules, _print_schedules, ()),
    "presets": (presets, _print_presets, ("task",)),
    "suites": (suites, _print_suites, ()),
    "splits": (splits, _print_splits, ("task", "family", "protocol")),
}
"""What can be listed: how its rows are found, how they are printed, and which filters it takes."""
