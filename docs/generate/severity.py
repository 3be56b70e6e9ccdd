"""The page about severity levels: how they were chosen, what was measured, and the levels of every family."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from generate.disruptions import LEVELS
from generate.markdown import code, codes, fenced, folded, joined, number, table, text
from robust_gym import kinds

FAR = 0.15
"""Difference from the aim that the tables mark."""


def pages() -> dict[str, str]:
    """Return the page."""
    data = json.loads(resources.files("robust_gym").joinpath("levels.json").read_text(encoding="utf-8"))
    return {"disruptions/severity.md": _page(data)}


def _page(data: dict[str, Any]) -> str:
    run = data["run"]
    aims = [f"{aim:.0%}" for aim in run["targets"]]
    libraries = ", ".join(f"{name} {version}" for name, version in run["libraries"].items())
    return joined(
        "# Severity levels",
        _HOW,
        table(("Level", *LEVELS), [("Score left", *aims)]),
        _DETAILS,
        fenced(
            "python benchmarks/severity.py            # all families\npython benchmarks/severity.py mujoco     # one",
            "sh",
        ),
        f"This table: robust-gym {run['robust_gym']}, Python {run['python']}, {libraries}.",
        "## Reference policies",
        _policies(data["measured"]),
        "## Not measured",
        "Besides the families and kinds below, those kinds keep their own levels that a family's table does not have: "
        "no reference task supports them.",
        table(("Family or kind", "Keeps its own levels, because"), [(code(f), text(w)) for f, w in _unmeasured(run)]),
        *(_family(name, data) for name in data["measured"]),
    )


_HOW = (
    "A severity level such as `obs:gauss@3` should hurt about as much in one family of tasks as in another, and as "
    "one kind as another. Levels are therefore data, chosen by measurement: on one or two tasks of a family a "
    "reference policy plays under every kind of the dynamics, action and observation channels, at strengths from "
    "hardly noticeable to the strongest sensible one. What is left of its score, (return - random) / (undisturbed - "
    "random), says where the levels are:"
)
_DETAILS = (
    "Seven strengths are measured first, in equal factors (of a probability its odds); the levels they suggest are "
    "measured too. The shares are made monotone (isotonic regression) and interpolated; with two tasks the level is "
    "the geometric mean of the strengths. Values are rounded to two digits. Levels are at least a 25th of the whole "
    "range apart, so where a kind acts like a cliff, they are spread about it; where no strength costs enough, the "
    "levels that stay open are spread evenly up to the strongest; those that even the mildest strength passes, up to "
    "the first that it does not. The tables below mark with * a level that leaves a "
    "share more than 0.15 away from the aim, by interpolation. Only a kind's first argument is varied. Rewards and "
    "costs do not change what a fixed policy does, so their kinds keep their own levels, as do kinds and families "
    "that are not measured. [The protocol](../protocol.md) is not concerned: version 1 states its values.\n\n"
    "To repeat the run (it goes on where it was; everything is seeded):"
)


def _policies(measured: dict[str, Any]) -> str:
    rows = [
        (
            code(family) if place == 0 else "",
            code(task),
            text(entry["policy"]),
            number(entry["nominal"]),
            number(entry["random"]),
            str(entry["episodes"]),
        )
        for family, found in measured.items()
        for place, (task, entry) in enumerate(found["tasks"].items())
    ]
    columns = ("Family", "Task", "Policy", "Undisturbed", "Random", "Episodes")
    return table(columns, rows, numbers=columns[3:])


def _unmeasured(run: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted({**run["unmeasured_families"], **run["unmeasured_kinds"]}.items())


def _family(name: str, data: dict[str, Any]) -> str:
    levels, left, aims = data["levels"][name], data["measured"][name]["left"], data["run"]["targets"]
    rows = []
    for label, many in levels.items():
        kind = kinds.find_kind(*label.split(":"))
        if kind is None:
            continue
        cells = [
            codes([",".join(map(number, one))]) + f" {share:.2f}" + ("\\*" if abs(share - aim) > FAR else "")
            for one, share, aim in zip(many, left[label], aims, strict=True)
        ]
        rows.append((f"[{code(label)}]({kind.channel}.md#{kind.name})", *cells))
    ungraded = data["measured"][name]["ungraded"]
    worst = ", ".join(f"{code(label)} ({share:.2f})" for label, share in sorted(ungraded.items()))
    return joined(
        f"## {name}",
        folded("Arguments, and what they leave of the score", table(("Kind", *LEVELS), rows)),
        f"Left at their own levels, since the mildest strength already leaves so little: {worst}." if worst else "",
    )
