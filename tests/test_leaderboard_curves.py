"""The robustness curves: severity levels found again in records of any order."""

import random

import numpy as np
import pytest
from leaderboard_samples import LEVELS, TASKS, protocol, run

from robust_gym import kinds
from robust_gym.leaderboard import rank
from robust_gym.leaderboard.curves import curves
from robust_gym.leaderboard.levels import severity_levels
from robust_gym.leaderboard.plots import Drawn, figure
from robust_gym.protocol import build_v1


@pytest.mark.parametrize("seed", range(3))
def test_levels_are_recovered_in_any_order(seed):
    task_cells = [(s.name, d) for s in protocol(TASKS[0]).splits for d in s.disruptions]
    random.Random(seed).shuffle(task_cells)
    found = {kind: [task_cells[place][1] for place in places] for kind, places in severity_levels(task_cells).items()}
    assert found == {
        f"{channel}:{kind}": list(terms) for channel, by_kind in LEVELS.items() for kind, terms in by_kind.items()
    }
    assert [kind.split(":")[0] for kind in severity_levels(task_cells)] == [
        "dynamics", "action", "action", "observation", "observation",
    ]  # fmt: skip


# Adversaries are part of no protocol: the first of their arguments is a word.
@pytest.mark.parametrize(
    "kind", [kind for kind in kinds.kinds() if not kind.policy], ids=lambda kind: f"{kind.channel}:{kind.name}"
)
def test_levels_of_every_kind_are_recovered(kind):
    terms = [f"{kind.channel}:{kind.name}:{','.join(map(repr, values))}" for values in kind.levels]
    made = build_v1("T", 100, {kind.channel: {kind.name: terms}}, [])
    task_cells = [(split.name, disruption) for split in made.splits for disruption in split.disruptions]
    (places,) = severity_levels(task_cells).values()
    assert [task_cells[place][1] for place in places] == terms


def test_levels_that_cannot_be_told_are_left_out():
    near = [("ood-near-action", f"action:gauss:{x}") for x in (0.1, 0.3)]
    far = [("ood-far-action", f"action:gauss:{x}") for x in (0.2, 0.4, 0.5)]
    assert severity_levels(near + far) == {}  # levels 2 and 3 overlap
    assert severity_levels(near) == {}
    assert severity_levels([("ood-near-action", "a:b:c:1"), ("ood-near-action", "action:x:word")]) == {}


def test_a_curve_begins_at_the_undisturbed_return():
    (group,) = rank(list(run(TASKS[0], "whole")))
    runs = group.tables[0].runs
    entry = group.tables[0].rows[0].entry
    places = severity_levels(runs.cells)["action:gauss"]
    (line,) = curves([(runs, places)], [(entry, "whole", 0)], scored=False)
    means = runs.results[entry].returns.mean(axis=(0, 2))
    assert line.values == pytest.approx([means[0], *means[list(places)]])
    assert line.low is None


def test_the_area_is_the_mean_height_over_all_kinds():
    records = list(run(TASKS[0], "synthetic", level=100.0, loss=50.0))
    (group,) = rank(records)
    (row,) = group.tables[0].rows
    cells = {one.disruption: one.mean_return for one in records}
    heights = []
    for by_kind in LEVELS.values():
        for terms in by_kind.values():
            levels = [cells["none"], *(cells[disruption] for disruption in terms)]
            heights.append((sum(levels) - (levels[0] + levels[-1]) / 2) / 5)
    assert row.values["area"].value == pytest.approx(np.mean(heights))


def test_a_caption_names_what_is_drawn():
    whole = list(run(TASKS[0], "whole"))
    splits_of_one = [one for one in whole if one.split == "id" or one.disruption.startswith("dynamics")][:3]

    def caption(records):
        (group,) = rank(records)
        (table,) = group.tables
        (row,) = table.rows
        drawn = figure("a", [table.runs], [Drawn(row.entry, "whole", 0, row.values["id"], row.values["ood"])], False)
        return drawn.caption, len(drawn.drawings)

    told, drawings = caption(whole)
    assert told.startswith("Mean return against severity level, where level 0 is the undisturbed task; and OOD against")
    assert drawings > 1
    told, drawings = caption(splits_of_one)
    assert told.startswith("Mean return, OOD against ID, where the dashed diagonal is no loss. Bands")
    assert drawings == 1
