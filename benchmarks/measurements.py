"""The file of measurements, read and written by the scripts that measure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "robust_gym" / "measurements.json"

_LIST = """
import importlib.metadata as metadata
found = metadata.entry_points
metadata.entry_points = lambda **of: () if of.get("group", "").startswith("robust_gym.") else found(**of)
import robust_gym
print(*robust_gym.list_tasks())
"""


def own_tasks() -> list[str]:
    """List the tasks that come with the package, without those that other installed packages register.

    A task does not know who registered it, so a process that finds no plug-ins is asked.
    """
    done = subprocess.run([sys.executable, "-c", _LIST], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


def load() -> dict[str, Any]:
    """Read what is known of every task."""
    known: dict[str, Any] = json.loads(FILE.read_text())
    return known


def save(id: str, **fields: Any) -> None:
    """Write some fields of one task, on top of what is there; one that is ``None`` is taken away.

    The file has a line for every field: long ones, but a diff shows the task that changed.
    """
    data = load()
    entry = {**data.get(id, {}), **fields}
    data[id] = {name: value for name, value in entry.items() if value is not None}
    tasks = []
    for task in sorted(data):
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(data[task].items())]
        tasks.append(f" {json.dumps(task)}: {{\n" + ",\n".join(lines) + "\n }")
    FILE.write_text("{\n" + ",\n".join(tasks) + "\n}\n")
