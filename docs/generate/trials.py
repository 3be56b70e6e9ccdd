"""What recorded trials outside of the leaderboard say of the algorithms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generate.markdown import code, joined, table

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def everywhere() -> str:
    """Return what became of the short trainings of ``benchmarks/runs_everywhere.py``."""
    trials = {tuple(key.split()): trial for key, trial in _read("runs_everywhere").items()}
    tasks = {task for _, task, _ in trials}
    ran = [key for key, trial in trials.items() if "returns" in trial]
    failed = [f"{algorithm} on {task}" for (algorithm, task, _), trial in trials.items() if "failed" in trial]
    outcome = f"Failed: {', '.join(failed)}." if failed else "None failed."
    return (
        f"Every algorithm was tried on one task of each family and kind of spaces, SMAC left out, {len(tasks)} tasks: "
        f"{len(ran)} short trainings, each followed by an undisturbed and a disturbed episode. "
        f"{outcome} The command is `python benchmarks/runs_everywhere.py`."
    )


def zoo() -> str:
    """Return the returns of ``benchmarks/zoo_returns.py`` beside those that rl-baselines3-zoo publishes."""
    data = _read("zoo_returns")
    rows = []
    for task, published in data["zoo"].items():
        for algorithm, zoo in published.items():
            begin = f"{task} {algorithm} {zoo['steps']} seed "
            ours = [one for key, one in data["runs"].items() if key.startswith(begin)]
            shown = ", ".join(map(_spread, ours)) or "not run yet"
            rows.append((code(task), code(algorithm), f"{zoo['steps']:,}", shown, _spread(zoo)))
    return joined(
        "With rl-baselines3-zoo's values, which are the defaults, and its budgets: means and standard deviations of "
        "the returns of undisturbed episodes that fill 150,000 steps, by the deterministic policy. Ours are listed "
        f"seed by seed, the zoo's are of one run ({data['source']}). "
        "The command is `python benchmarks/zoo_returns.py`.",
        table(("Task", "Algorithm", "Steps", "Ours", "The zoo's"), rows, numbers=("Steps", "Ours", "The zoo's")),
    )


def _spread(run: dict[str, float]) -> str:
    return f"{run['mean']:.1f} ± {run['std']:.1f}"


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return data
