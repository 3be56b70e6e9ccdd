"""Choose severity levels @1 to @5 for every kind and family of tasks, by what each strength costs a reference policy.

    python benchmarks/severity.py [--out FILE] [--levels-only] [FAMILY ...]

Writes ``robust_gym/levels.json``. On one or two tasks of a family (``reference_policies.py``) a reference policy plays
under every kind of the dynamics, action and observation channels that the task supports: at seven strengths over the
kind's axis (``severity_axes.py``), then at the five levels that these suggest. What is left of the score,
(return - random) / (undisturbed - random), is made monotone, and the levels are where 95, 85, 70, 50 and 25 % are
left, by interpolation; with two tasks, at the geometric mean of both. Levels that no strength reaches are spread
evenly up to the strongest; those that even the mildest passes, up to the first that it does not. A kind keeps its own
levels where its mildest strength leaves less than 50 % already. Reward and cost kinds do not change what a policy
does, and keep their own levels.

Everything is seeded, and what the file holds already is not measured again: a killed run goes on where it was.
``--levels-only`` measures nothing, and chooses the levels again; versions and commit stay those of the measurement.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from reference_policies import REFERENCES, UNMEASURED_FAMILIES, Reference
from severity_axes import (
    AXES,
    TARGETS,
    UNMEASURED,
    Axis,
    arguments,
    family_levels,
    name,
    shares_left,
    task_places,
)

from robust_gym import record, registry
from robust_gym.baselines.base import create
from robust_gym.disruption import Disruption, Term, did_you_mean
from robust_gym.evaluate import Policy, evaluate
from robust_gym.kinds import Kind, find_kind
from robust_gym.support import supported_kinds
from robust_gym.task import Budget, Task

FILE = Path(__file__).parents[1] / "robust_gym" / "levels.json"
CHANNELS = ("dynamics", "action", "observation")
LADDER = 7
"""Strengths of the first pass."""

RANDOM_POLICIES = 4
"""Seeds of the random policy whose mean return is the score's zero."""

TOGETHER = 5
"""Kinds evaluated in one batch: making environments costs less, and a killed run loses no more."""

Entry = dict[str, Any]


def measurable(task: Task) -> list[Kind]:
    """List the kinds whose strength a fixed policy feels, of those a task supports."""
    return [kind for channel in CHANNELS for kind in supported_kinds(task, channel) if name(kind) in AXES]


def disruption(kind: Kind, value: float) -> str:
    """Return the disruption of a kind with some strength."""
    return str(Disruption((Term(kind.channel, kind.name, tuple(arguments(kind, value))),)))


def mean_returns(policy: Policy, task: str, disruptions: list[str], episodes: int) -> dict[str, np.ndarray]:
    """Return the returns under each disruption."""
    results = evaluate(policy, task, disruptions=disruptions, episodes=episodes).results
    return {result.disruption: np.array(result.returns) for result in results}


def begin(reference: Reference, policy: Policy) -> Entry:
    """Measure the two fixed points of a task's score.

    Raises:
        ValueError: If the policy is not clearly better than random.
    """
    task = registry.task(reference.task)
    # Where every episode begins alike, one random policy plays the same episode again and again.
    policies = [
        create("random").train(task, Budget("severity", 0, reference.episodes), seed, lambda steps: None)
        for seed in range(RANDOM_POLICIES)
    ]
    nominal, *lows = (
        mean_returns(one, reference.task, ["none"], reference.episodes)["none"] for one in (policy, *policies)
    )
    low = np.mean(lows, axis=0)
    error = (nominal - low).std() / math.sqrt(len(nominal))  # both play the same episodes
    if (nominal - low).mean() <= 4 * error:
        raise ValueError(
            f"{reference.about} earns {nominal.mean():.4g} on {reference.task}, the random policy {low.mean():.4g}, "
            f"with a standard error of {error:.2g}: too little to measure by"
        )
    return {
        "policy": reference.about,
        "episodes": reference.episodes,
        "nominal": float(f"{nominal.mean():.6g}"),
        "random": float(f"{low.mean():.6g}"),
        "shares": {},
    }


def wanted(axis: Axis, shares: Mapping[float, float]) -> list[float]:
    """Return the strengths to measure next: the ladder, then the levels it suggests; empty when all is measured."""
    ladder = axis.ladder(LADDER)
    missing = [value for value in ladder if value not in shares]
    if missing:
        return missing
    places = task_places(axis, [(value, shares[value]) for value in ladder])
    return [value for value in dict.fromkeys(map(axis.value, places)) if value not in shares]


def measure(reference: Reference, entry: Entry, policy: Policy, save: Any) -> None:
    """Measure what is missing of one task, and save after every batch."""
    span = entry["nominal"] - entry["random"]
    while True:
        known = {kind: dict(map(tuple, pairs)) for kind, pairs in entry["shares"].items()}
        open_kinds = [
            (kind, values)
            for kind in measurable(registry.task(reference.task))
            if (values := wanted(AXES[name(kind)], known.get(name(kind), {})))
        ]
        batch = list(islice(open_kinds, TOGETHER))
        if not batch:
            return
        started = time.perf_counter()
        strings = {disruption(kind, value): (name(kind), value) for kind, values in batch for value in values}
        returns = mean_returns(policy, reference.task, list(strings), reference.episodes)
        for text, (kind, value) in strings.items():
            share = (float(returns[text].mean()) - entry["random"]) / span
            entry["shares"].setdefault(kind, []).append([value, round(share, 3)])
        for kind, _ in batch:
            axis = AXES[name(kind)]
            entry["shares"][name(kind)].sort(key=lambda pair: axis.place(pair[0]))
        entry["seconds"] = round(entry.get("seconds", 0) + time.perf_counter() - started)
        save()
        print(f"{reference.task}: {', '.join(name(kind) for kind, _ in batch)}; {len(open_kinds)} open", flush=True)


def choose(tasks: Mapping[str, Entry]) -> Entry:
    """Choose the levels of a family.

    Args:
        tasks: What was measured on each of its tasks.

    Returns:
        For every kind that was measured: under ``levels`` the arguments of its five levels; under ``left`` the share
        of the score that they leave, by interpolation, in the mean over the tasks; under ``ungraded`` the kinds of
        which the mildest strength already leaves less than the last but one level should, and what it leaves.
    """
    found: Entry = {"levels": {}, "left": {}, "ungraded": {}}
    for label, axis in AXES.items():
        shares = [entry["shares"][label] for entry in tasks.values() if label in entry["shares"]]
        kind = find_kind(*label.split(":"))
        if not shares or kind is None:
            continue
        (at_best,) = shares_left(axis, shares, [axis.mild])
        if at_best < TARGETS[-2]:
            found["ungraded"][label] = round(at_best, 2)
            continue
        values = family_levels(axis, shares)
        found["levels"][label] = [arguments(kind, value) for value in values]
        found["left"][label] = [round(share, 2) for share in shares_left(axis, shares, values)]
    return found


def load(file: Path) -> Entry:
    """Read what is known."""
    known: Entry = json.loads(file.read_text()) if file.exists() else {}
    return {"levels": {}, "measured": {}, "run": {}, **known}


def write(file: Path, family: str = "", tasks: Mapping[str, Entry] | None = None) -> None:
    """Write what was measured of a family, and the levels that follow for all of them.

    The provenance at the head is of the last measurement; a family keeps the commit and the day of its own.
    """
    data = load(file)
    if tasks is not None:
        about = record.provenance()
        begun = {id: entry for id, entry in tasks.items() if entry}
        made = {"date": about.created.date().isoformat(), "git_commit": about.git_commit}
        data["measured"][family] = {"tasks": begun, **made}
        data["run"] |= {
            "robust_gym": about.robust_gym,
            "git_commit": about.git_commit,
            "python": about.machine.python,
            "libraries": dict(about.libraries),
        }
    for name_, entry in data["measured"].items():
        chosen = choose(entry["tasks"])
        data["levels"][name_] = chosen.pop("levels")
        entry.update(chosen)
    data["run"] |= {
        "command": "python benchmarks/severity.py",
        "targets": list(TARGETS),
        "unmeasured_kinds": dict(UNMEASURED),
        "unmeasured_families": {
            **{name_: "not measured yet" for name_ in REFERENCES if name_ not in data["measured"]},
            **UNMEASURED_FAMILIES,
        },
    }
    partial = file.with_suffix(".partial")
    partial.write_text(dump(data) + "\n")
    partial.replace(file)


def dump(value: Any, depth: int = 0) -> str:
    """Write JSON with a line for every list, and for every object that holds nothing but numbers and words."""
    if not isinstance(value, dict) or (depth > 1 and not any(isinstance(one, dict | list) for one in value.values())):
        return json.dumps(value)
    indent = " " * (depth + 1)
    lines = [f"{indent}{json.dumps(key)}: {dump(one, depth + 1)}" for key, one in sorted(value.items())]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}" if lines else "{}"


def run(family: str, file: Path) -> None:
    """Measure a family."""
    tasks: dict[str, Entry] = load(file)["measured"].get(family, {}).get("tasks", {})
    tasks = {reference.task: tasks.get(reference.task, {}) for reference in REFERENCES[family]}
    for reference in REFERENCES[family]:
        task, entry = registry.task(reference.task), tasks[reference.task]
        if task.missing():
            raise SystemExit(task.missing())
        policy = reference.policy()
        if (entry.get("policy"), entry.get("episodes")) != (reference.about, reference.episodes):
            tasks[reference.task] = entry = begin(reference, policy)
        measure(reference, entry, policy, lambda: write(file, family, tasks))


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="default: all that have a reference policy")
    parser.add_argument("--out", type=Path, default=FILE, help="file to go on with and to write")
    parser.add_argument("--levels-only", action="store_true", help="choose the levels again, from what is measured")
    options = parser.parse_args(arguments)
    for family in options.families:
        if family not in REFERENCES:
            why = UNMEASURED_FAMILIES.get(family) or f"known are {', '.join(REFERENCES)}"
            raise SystemExit(f"no reference policy for {family!r}: {why}.{did_you_mean(family, REFERENCES)}")
    warnings.simplefilter("ignore")
    if options.levels_only:
        write(options.out)
        return
    for family in options.families or REFERENCES:
        run(family, options.out)


if __name__ == "__main__":
    main()
