"""The pages about tasks: an overview, and one page for each family."""

from __future__ import annotations

from collections.abc import Iterable

from generate.markdown import code, codes, fenced, folded, joined, number, table, text
from robust_gym import registry
from robust_gym.kinds import CHANNELS
from robust_gym.task import BUDGETS, DynamicsParameter, SemanticShift, Task

API = {"gymnasium": "Gymnasium", "parallel": "PettingZoo parallel"}
AGENTS = {"gymnasium": "one", "parallel": "many"}


def families() -> dict[str, list[Task]]:
    """Return every registered task, by family."""
    found: dict[str, list[Task]] = {}
    for task in map(registry.task, registry.list_tasks()):
        found.setdefault(task.family, []).append(task)
    return dict(sorted(found.items()))


def pages() -> dict[str, str]:
    """Return the overview and a page for each family."""
    found = {"tasks/index.md": _overview()}
    for family, tasks in families().items():
        found[f"tasks/{family}.md"] = joined(f"# {title(family)}", _install(tasks), *map(_section, tasks))
    return found


def title(family: str) -> str:
    """Return a family's name as a heading."""
    return _NAMES.get(family, family.replace("_", " ").capitalize())


_NAMES = {"mujoco": "MuJoCo", "box2d": "Box2D", "mpe": "MPE"}


def _overview() -> str:
    found = families()
    count = sum(map(len, found.values()))
    return joined(
        "# Tasks",
        f"{count} tasks in {len(found)} families. A task is an environment with named parameters that a "
        "[disruption](../disruptions/index.md) may change; *parameters* counts them, semantic shifts included. "
        "The horizon is the longest episode, in steps.",
        "The same list, on the command line: `robust-gym ls tasks`, and `robust-gym show TASK` for one of them. "
        "Missing here? [Add it](../tutorials/add-a-task.md).",
        *(_family(family, tasks) for family, tasks in found.items()),
    )


def _family(family: str, tasks: list[Task]) -> str:
    rows = [
        (
            f"[{code(task.id)}]({family}.md#{anchor(task)})",
            AGENTS[task.api],
            task.action,
            str(task.horizon),
            str(len(task.dynamics) + len(task.semantic)),
            text(task.about),
        )
        for task in tasks
    ]
    columns = ("Task", "Agents", "Action", "Horizon", "Parameters", "About")
    return joined(f"## {title(family)}", table(columns, rows, numbers=("Horizon", "Parameters")))


def anchor(task: Task) -> str:
    """Return the anchor of a task's section."""
    return task.id.lower()


def _install(tasks: list[Task]) -> str:
    lines = dict.fromkeys(task.install for task in tasks)
    return joined("Install what they need:", fenced("\n".join(lines), "bash"))


def _section(task: Task) -> str:
    return joined(
        f"## {task.id} {{ #{anchor(task)} }}",
        text(task.about),
        _facts(task),
        joined("**Parameters**", _parameters(task.dynamics.values())) if task.dynamics else "",
        joined("**Semantic shifts**", _shifts(task.semantic.values())) if task.semantic else "",
        joined("**Disruptions it can honour**", _kinds(task)),
        joined("**Budgets**", _budgets(task)),
        _protocol(task),
    )


def _facts(task: Task) -> str:
    agents = f"{AGENTS[task.api]} ({API[task.api]})"
    null = "" if task.null_action is None else f"; action {task.null_action} does nothing"
    facts = [
        ("Agents", agents),
        ("Observation", task.observation),
        ("Action", task.action + null),
        ("Horizon", f"{task.horizon} steps"),
        ("Underneath", code(task.base)),
        (
            "Trained by",
            ", ".join(f"[{code(name)}](../algorithms/{name}.md)" for name in _algorithms(task)) or "none yet",
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
        (code(one.name), text(one.about), number(one.nominal), text(one.unit) or "", _accepted(one))
        for one in parameters
    ]
    return table(("Parameter", "Meaning", "Nominal", "Unit", "Accepted"), rows, numbers=("Nominal",))


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
            f"[{code(kind.name)}](../disruptions/{channel}.md#{kind.name})"
            for kind in registry.supported_kinds(task, channel)
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
    for version in registry.PROTOCOLS:
        cells = registry.task_protocol(task.id, version)
        rows = [(code(split.name), "<br>".join(map(code, split.disruptions))) for split in cells.splits]
        count = sum(len(split.disruptions) for split in cells.splits)
        summary = (
            f"Protocol {version}: {len(cells.splits)} splits, {count} disruptions, {len(cells.seeds)} episodes each"
        )
        seeds = f"Episode seeds {cells.seeds[0]} to {cells.seeds[-1]}; sha256 {code(cells.sha256)}."
        blocks.append(folded(summary, joined(table(("Split", "Disruptions"), rows), seeds)))
    return joined(*blocks)
