"""The pages about tasks: an overview, a page for each family, and one for each task."""

from __future__ import annotations

from pathlib import Path

from generate import task_page
from generate.markdown import code, fenced, joined, table, text
from generate.task_page import AGENTS, API, path
from robust_gym import registry
from robust_gym.task import Task

__all__ = ["API", "families", "pages", "title"]

PICTURES = Path(__file__).parents[1] / "assets" / "tasks"
"""Where ``docs/task_pictures.py`` has put its pictures."""


def families() -> dict[str, list[Task]]:
    """Return every registered task, by family."""
    found: dict[str, list[Task]] = {}
    for task in map(registry.task, registry.list_tasks()):
        found.setdefault(task.family, []).append(task)
    return dict(sorted(found.items()))


def pages() -> dict[str, str]:
    """Return the overview, a page for each family, and a page for each task."""
    found = {"tasks/index.md": _overview()}
    for family, tasks in families().items():
        found[f"tasks/{family}.md"] = _family(family, tasks)
    for tasks in families().values():
        found.update({path(task): task_page.page(task, picture(task, up=2)) for task in tasks})
    return found


def title(family: str) -> str:
    """Return a family's name as a heading."""
    return _NAMES.get(family, family.replace("_", " ").capitalize())


_NAMES = {
    "mujoco": "MuJoCo",
    "box2d": "Box2D",
    "mpe": "MPE",
    "mamujoco": "MaMuJoCo",
    "dm_control": "DeepMind Control",
    "minigrid": "MiniGrid",
    "sisl": "SISL",
    "smac": "SMAC",
    "smax": "SMAX",
    "exact": "Exact worlds",
    "safety_velocity": "Safe velocity",
    "safety_navigation": "Safe navigation",
}


def picture(task: Task, up: int) -> str:
    """Return the picture of a task, for a page that many folders below the top, or nothing where there is none."""
    if not (PICTURES / f"{task.id}.webp").exists():
        return ""
    return f"![{task.id}]({'../' * up}assets/tasks/{task.id}.webp){{ .task loading=lazy }}"


def _overview() -> str:
    found = families()
    everything = [task for tasks in found.values() for task in tasks]
    rows = [
        (
            f"[{title(family)}]({family}.md)",
            str(len(tasks)),
            ", ".join(dict.fromkeys(AGENTS[task.api] for task in tasks)),
            "<br>".join(dict.fromkeys(code(task.install) for task in tasks)),
        )
        for family, tasks in found.items()
    ]
    return joined(
        "# Tasks",
        f"{len(everything)} tasks in {len(found)} families. A task is an environment with named parameters that a "
        "[disruption](../disruptions/index.md) may change. Every one passes the same property suite "
        "(`robust-gym validate TASK` runs it), the slow ones in a nightly run whose last result is part of the "
        "repository; only where the packages cannot come from PyPI (SMAC) do tests use a stand-in.",
        "On the command line: `robust-gym ls tasks`, and `robust-gym show TASK` for one of them. "
        "Missing here? [Add it](../tutorials/add-a-task.md).",
        table(("Family", "Tasks", "Agents", "Install"), rows, numbers=("Tasks",)),
    )


def _family(family: str, tasks: list[Task]) -> str:
    rows = [
        (
            picture(task, up=1),
            f"[{code(task.id)}]({Path(path(task)).relative_to('tasks')})",
            text(task.about),
            f"{AGENTS[task.api]}; {task.action}",
            str(task.horizon),
            str(len(task.dynamics) + len(task.semantic)),
        )
        for task in tasks
    ]
    columns = ("Picture", "Task", "About", "Agents; actions", "Horizon", "Parameters")
    lines = dict.fromkeys(task.install for task in tasks)
    return joined(
        f"# {title(family)}",
        joined("Install what they need:", fenced("\n".join(lines), "bash")),
        "*Parameters* counts what a disruption may change, semantic shifts included. The horizon is the longest "
        "episode, in steps.",
        table(columns, rows, numbers=("Horizon", "Parameters")),
    )
