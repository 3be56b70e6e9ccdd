"""The page of one task: what it is, its spaces, what can be disturbed, its splits and its fixed points."""

from __future__ import annotations

from collections.abc import Iterable

from generate.markdown import code, codes, fenced, folded, joined, number, table, text
from robust_gym import registry
from robust_gym.kinds import CHANNELS
from robust_gym.splits import PROTOCOLS, no_protocol, task_protocol
from robust_gym.support import supported_kinds
from robust_gym.task import BUDGETS, DynamicsParameter, SemanticShift, Task

API = {"gymnasium": "Gymnasium", "parallel": "PettingZoo parallel"}
AGENTS = {"gymnasium": "one", "parallel": "many"}


def path(task: Task) -> str:
    """Return the path of a task's page."""
    return f"tasks/{task.family}/{task.id.lower()}.md"


def page(task: Task, picture: str) -> str:
    """Return the page.

    Args:
        task: The task.
        picture: Its picture, as Markdown; may be empty.
    """
    return joined(
        f"# {task.id}",
        text(task.about),
        picture,
        fenced(_example(task), "python"),
        _facts(task),
        joined("## Parameters", _parameters(task.dynamics.values())) if task.dynamics else "",
        joined("## Semantic shifts", _shifts(task.semantic.values())) if task.semantic else "",
        joined("## Disruptions it can honour", _kinds(task)),
        joined("## Budgets", _budgets(task)),
        joined("## Splits", _protocol(task)),
    )


def _example(task: Task) -> str:
    parameter = next(iter(task.dynamics.values()), None)
    disruption = "obs:delay:2"
    if parameter is not None:
        value = 0.7 if parameter.mode == "scale" else (parameter.high + parameter.nominal) / 2
        disruption = f"dynamics:{parameter.name}:{max(parameter.low, value):g}"
    return f'import robust_gym\n\nenv = robust_gym.make("{task.id}", disruption="{disruption}")'


def _facts(task: Task) -> str:
    agents = f"{AGENTS[task.api]} ({API[task.api]})"
    null = "" if task.null_action is None else f"; action {task.null_action} does nothing"
    spaces = task.spaces or {}
    true = f"; always true: {codes(task.undisturbed)}" if task.observation == "dict" else ""
    summed = ", summed over agents" if task.api == "parallel" else ""
    limit = f"; an episode should stay below {task.cost_limit:g}{summed}" if task.cost_limit else ""
    facts = [
        ("Agents", agents),
        ("Observation", text(spaces.get("observation", task.observation)) + true),
        ("Action", text(spaces.get("action", task.action)) + null),
        ("Cost", f'`info["cost"]` of every step{limit}' if task.cost else ""),
        ("Exact model", f'`robust_gym.task("{task.id}").model()`' if task.exact else ""),
        ("Install", code(task.install)),
        ("Horizon", f"{task.horizon} steps"),
        ("Underneath", code(task.base)),
        (
            "Trained by",
            ", ".join(f"[{code(name)}](../../algorithms/{name}.md)" for name in _algorithms(task)) or "none yet",
        ),
        ("Source", text(task.source)),
    ]
    if task.reference is not None:
        scores = f"0 is {task.reference.random:,.2f} (random), 1 is {task.reference.reference:,.2f}"
        facts.append(("Normalised score", f"{scores} ({text(task.reference.method)})"))
    return table(("", ""), [(f"**{name}**", value) for name, value in facts if value])


def _algorithms(task: Task) -> list[str]:
    return [name for name in registry.list_algorithms() if registry.algorithm(name).refuses(task) is None]


def _parameters(parameters: Iterable[DynamicsParameter]) -> str:
    rows = [
        (
            code(one.name),
            text(one.about),
            number(one.nominal),
            text(one.unit) or "",
            _accepted(one),
            "yes" if one.drawn else "no",
        )
        for one in parameters
    ]
    return table(
        ("Parameter", "Meaning", "Nominal", "Unit", "Accepted", "Drawn by `random`"), rows, numbers=("Nominal",)
    )


def _accepted(parameter: DynamicsParameter) -> str:
    unit = "× nominal" if parameter.mode == "scale" else text(parameter.unit)
    return f"{number(parameter.low)} to {number(parameter.high)} {unit}".strip().replace(" ", "\N{NO-BREAK SPACE}")


def _shifts(shifts: Iterable[SemanticShift]) -> str:
    rows = [(code(one.name), text(one.about), code(one.nominal), codes(one.options)) for one in shifts]
    return table(("Shift", "Meaning", "Nominal", "Options"), rows)


def _kinds(task: Task) -> str:
    rows = []
    for channel in CHANNELS:
        links = [
            f"[{code(kind.name)}](../../disruptions/{channel}.md#{kind.name})"
            for kind in supported_kinds(task, channel)
        ]
        named = ", ".join(links) or "none"
        rows.append((channel, f"{named}, and every parameter above" if channel == "dynamics" and links else named))
    return table(("Channel", "Kinds"), rows)


def _budgets(task: Task) -> str:
    budgets = [task.budget(name) for name in BUDGETS]
    columns = ("Budget", "Training steps", "Episodes per disruption")
    rows = [(code(budget.name), f"{budget.steps:,}", str(budget.episodes)) for budget in budgets]
    return table(columns, rows, numbers=columns[1:])


def _protocol(task: Task) -> str:
    blocks = []
    for version in PROTOCOLS:
        if no_protocol(task.id, version):
            continue
        cells = task_protocol(task.id, version)
        rows = [(code(split.name), "<br>".join(map(code, split.disruptions))) for split in cells.splits]
        count = sum(len(split.disruptions) for split in cells.splits)
        summary = (
            f"Protocol {version}: {len(cells.splits)} splits, {count} disruptions, {len(cells.seeds)} episodes each"
        )
        seeds = f"Episode seeds {cells.seeds[0]} to {cells.seeds[-1]}; sha256 {code(cells.sha256)}."
        blocks.append(folded(summary, joined(table(("Split", "Disruptions"), rows), seeds)))
    return joined(*blocks)
