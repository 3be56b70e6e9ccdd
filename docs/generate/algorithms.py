"""The pages about algorithms: an overview, and one page for each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import griffe

from generate import results, trials
from generate.markdown import code, fenced, joined, prose, table, text
from generate.task_page import path
from generate.tasks import AGENTS
from robust_gym import registry
from robust_gym.algorithm import AlgorithmInfo
from robust_gym.baselines.single.tuned import defaults
from robust_gym.task import Task

FEW = 5
"""So many tasks of a family are listed by name where an algorithm does not run on all of them."""

TRAIN = {"nominal": "on the undisturbed task", "disrupted": "with disruptions"}


def infos() -> list[AlgorithmInfo]:
    """Return every registered algorithm."""
    return [registry.algorithm(name) for name in registry.list_algorithms()]


def pages() -> dict[str, str]:
    """Return the overview and a page for each algorithm."""
    return {"algorithms/index.md": _overview(), **{f"algorithms/{info.name}.md": _page(info) for info in infos()}}


def _overview() -> str:
    rows = [
        (
            f"[{code(info.name)}]({info.name}.md)",
            text(info.about),
            " and ".join(AGENTS[api] for api in info.apis),
            ", ".join(info.actions),
            ", ".join(info.privileges) or "none",
        )
        for info in infos()
    ]
    return joined(
        "# Algorithms",
        "The methods that `robust-gym bench --algo NAME` trains. *Privileges* are what a method may know beyond its "
        "observations. Missing here? [Add it](../tutorials/add-an-algorithm.md).",
        table(("Name", "Method", "Agents", "Actions", "Privileges"), rows),
        "## Which runs where",
        "An algorithm runs on the tasks whose agents, actions and observations it can learn from; where these are not "
        "all tasks of a family, their number stands behind it.",
        table(("Family", "Tasks", "Algorithms"), _coverage(), numbers=("Tasks",)),
        trials.everywhere(),
        "## As in the zoo",
        trials.zoo(),
    )


def _coverage() -> list[tuple[str, str, str]]:
    """Return for each family of tasks the algorithms that run there."""
    tasks = [registry.task(id) for id in registry.list_tasks()]
    sizes = Counter(task.family for task in tasks)
    lines = []
    for family, size in sorted(sizes.items()):
        able = {
            info.name: sum(info.refuses(task) is None for task in tasks if task.family == family) for info in infos()
        }
        names = [
            f"[{code(name)}]({name}.md)" + (f" ({count})" if count < size else "")
            for name, count in able.items()
            if count
        ]
        lines.append((family, str(size), ", ".join(names) or "none"))
    return lines


def _page(info: AlgorithmInfo) -> str:
    described = descriptions(info.cls)
    tuned = defaults(getattr(info.cls, "tuned_as", "") or info.name)
    arguments = [
        (code(field.name), _value(field, tuned), prose(described.get(field.name, "")))
        for field in dataclasses.fields(info.cls)
    ]
    return joined(
        f"# {info.name}",
        text(info.about),
        fenced(f"robust-gym bench --algo {info.name}", "bash"),
        _facts(info),
        "## Method",
        *_summary(info.cls),
        "## Arguments",
        "Set with `--set NAME=VALUE`; a changed argument is part of a result's identity." if arguments else "None.",
        table(("Argument", "Default", "Meaning"), arguments) if arguments else "",
        "## Results",
        results.section(info.name),
    )


def _facts(info: AlgorithmInfo) -> str:
    tasks = [registry.task(id) for id in registry.list_tasks()]
    able = [task for task in tasks if info.refuses(task) is None]
    facts = [
        ("Agents", " and ".join(AGENTS[api] for api in info.apis)),
        ("Actions", ", ".join(info.actions)),
        ("Trains", TRAIN[info.train]),
        ("Privileges", ", ".join(info.privileges) or "none"),
        ("Run beside it", ", ".join(f"[{code(name)}]({name}.md)" for name in info.compare)),
        ("Paper", text(info.paper)),
        ("Install", code(info.install)),
        (f"Tasks ({len(able)} of {len(tasks)})", _families(able, tasks) or "none"),
    ]
    return table(("", ""), [(f"**{name}**", value) for name, value in facts if value])


def _families(able: Sequence[Task], tasks: Sequence[Task]) -> str:
    """Return families with how many of their tasks are among some, and those tasks by name where they are few."""
    sizes = Counter(task.family for task in tasks)
    parts = []
    for family, count in sorted(Counter(task.family for task in able).items()):
        if count == sizes[family]:
            parts.append(f"{family} (all {count})")
            continue
        links = [f"[{task.id}](../{path(task)})" for task in able if task.family == family]
        listed = f": {', '.join(links)}" if count <= FEW else ""
        parts.append(f"{family} ({count} of {sizes[family]}{listed})")
    return ", ".join(parts)


def _summary(cls: type) -> list[str]:
    """Return the text of a class's docstring without its sections."""
    parts = _parsed(cls)
    paragraphs = [part.value for part in parts if part.kind is griffe.DocstringSectionKind.text]
    return [prose(paragraph) for text in paragraphs for paragraph in str(text).split("\n\n")]


def descriptions(cls: type) -> dict[str, str]:
    """Return what the docstrings of a dataclass and its bases say about each of its fields."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for part in _parsed(base):
            if part.kind is griffe.DocstringSectionKind.attributes:
                found |= {attribute.name: attribute.description for attribute in part.value}
    return found


def _parsed(cls: type) -> list[griffe.DocstringSection]:
    # Not inherited: a subclass without a docstring of its own says nothing.
    return griffe.Docstring(cls.__dict__.get("__doc__") or "").parse("google", warnings=False)


def _value(field: dataclasses.Field[object], tuned: Mapping[str, object]) -> str:
    """Return an argument's default as the table shows it."""
    default = _default(field)
    if default is None and field.name in tuned:
        return f"{code(_shown(tuned[field.name]))}, or the task's"
    return code(_shown(default))


def _default(field: dataclasses.Field[object]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    return "required" if field.default_factory is dataclasses.MISSING else field.default_factory()


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
