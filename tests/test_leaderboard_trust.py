"""What nobody may bend: which cells, references and verdicts count, and what few or equal runs may claim."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from leaderboard_samples import ALGORITHMS, PROVENANCE, TASKS, board, make, run
from scipy import stats

from robust_gym import cli, registry
from robust_gym.leaderboard import permutation, rank, statistics
from robust_gym.leaderboard.comparing import compare
from robust_gym.leaderboard.runs import collect
from robust_gym.leaderboard.view import task_table
from robust_gym.protocol import Protocol, Split, episode_seeds
from robust_gym.record import RunRecord, Verification
from robust_gym.splits import task_protocol

POLE = "Robust-CartPole-v0"


def honest(algorithm: str, seed: int, mean: float = 100.0, **changes: object) -> Iterator[RunRecord]:
    """Yield a run on a task that robust-gym knows, under its committed cells."""
    cells = task_protocol(POLE)
    known = registry.task(POLE).reference
    assert known is not None
    defaults = {"random_return": known.random, "reference_return": known.reference}
    for split in cells.splits:
        for disruption in split.disruptions:
            yield make(
                POLE, algorithm, seed=seed, protocol_sha256=cells.sha256, episode_seeds=cells.seeds[:2],
                split=split.name, disruption=disruption, returns=(mean + seed, mean), **{**defaults, **changes},
            )  # fmt: skip


def invented(algorithm: str, seed: int, **changes: object) -> list[RunRecord]:
    """Return a run under two easy cells and a hash of their own."""
    seeds = episode_seeds(POLE, "v1")
    cells = Protocol("v1", POLE, (Split("id", ("none",)), Split("ood-near", ("action:gauss:0.001",))), seeds)
    return [
        make(
            POLE, algorithm, seed=seed, protocol_sha256=cells.sha256, episode_seeds=seeds[:2],
            split=split.name, disruption=split.disruptions[0], returns=(500.0, 500.0 + seed), **changes,
        )
        for split in cells.splits
    ]  # fmt: skip


def test_the_committed_cells_come_first_however_many_runs_have_others() -> None:
    records = [*honest("honest", 0), *(one for seed in range(9) for one in invented("stranger", seed))]
    first, second = collect(records).groups
    assert [entry.algorithm for entry in first.tasks[0].results] == ["honest"]
    assert (first.tasks[0].committed, first.tasks[0].checked) == (True, True)
    assert (second.tasks[0].committed, second.tasks[0].checked) == (False, True)


def test_the_known_references_are_not_outvoted() -> None:
    known = registry.task(POLE).reference
    assert known is not None
    loud = [one for seed in range(3) for one in honest("loud", seed, reference_return=known.random + 1)]
    (group,) = collect([*honest("honest", 0), *loud]).groups
    assert group.tasks[0].reference == (known.random, known.reference)
    assert group.tasks[0].other_references == 3


def test_the_order_of_the_lines_does_not_matter_to_committed_cells() -> None:
    records = list(honest("honest", 0))
    stray = make(
        POLE, "stray", protocol_sha256=records[0].protocol_sha256, episode_seeds=records[0].episode_seeds,
        split="ood-easy", disruption="action:gauss:0.001",
    )  # fmt: skip
    mixed = [*records, stray]
    random.Random(0).shuffle(mixed)
    (group,) = collect(mixed).groups
    (task,) = group.tasks
    assert (task.checked, task.outside) == (True, 1)
    assert [len(found.runs) for entry, found in task.results.items() if entry.algorithm == "honest"] == [1]


def test_a_stray_record_drops_no_other_run_where_cells_cannot_be_checked() -> None:
    records = [one for seed in range(3) for one in run(TASKS[0], "plain", seed, protocol_sha256="0" * 64)]
    stray = records[0].model_copy(update={"split": "ood-easy", "disruption": "action:gauss:0.001"})
    (group,) = collect([*records, stray]).groups
    (found,) = group.tasks[0].results.values()
    assert (len(found.runs), found.left_out, group.tasks[0].outside) == (3, 0, 1)


def test_one_verified_record_verifies_no_other() -> None:
    seen = Verification(
        verdict="verified", exact=True, cells=5, episodes=10, fresh=0, submission_sha256="0" * 64, provenance=PROVENANCE
    )
    records = [one.model_copy(update={"verification": seen, "privileges": ("model",)}) for one in run(TASKS[0], "seen")]
    ((group,), (part,)) = rank(records), rank([*records[:-1], records[-1].model_copy(update={"verification": None})])
    assert [row.checked for one in (group, part) for row in one.tables[0].rows] == ["verified", "self-reported"]
    shown = task_table(group.tables[0])
    (cell,) = (row[-1] for row in shown.rows)
    assert (cell.text, cell.small) == ("verified", f"5 of {len(group.tables[0].runs.cells)} disruptions")
    last = [*records[:-1], records[-1].model_copy(update={"privileges": ("offline-data",)})]
    assert rank(last)[0].tables[0].rows[0].privileges == ("model", "offline-data")


def copies(algorithm: str, level: float) -> list[RunRecord]:
    """Return three seeds that all did the same."""
    once = list(run(TASKS[0], algorithm, 0, level=level, random_return=0.0, reference_return=100.0))
    return [one.model_copy(update={"seed": seed}) for one in once for seed in range(3)]


def test_seeds_that_all_did_the_same_are_one_run() -> None:
    records = [*copies("steady", 100.0), *copies("fixed", 90.0)]
    (group,) = rank(records)
    for row in group.tables[0].rows:
        assert (row.seeds, row.values["ood"].interval) == ((0, 1, 2), None)
    assert [row.rank_range for row in group.rankings[0].rows] == [None, None]
    one = compare(records, "steady", "fixed")[0].tasks[0]
    assert (one.winner, one.p_value, one.differences["ood"].interval, one.seeds) == (None, None, None, (3, 3))


def test_a_task_that_few_have_done_takes_nobodys_rank() -> None:
    known = {"random_return": 5.0, "reference_return": 100.0}
    records = [*board(tasks=TASKS[:2]), *run(TASKS[2], ALGORITHMS[0], **known), *run(TASKS[2], "newcomer", **known)]
    (ranking,) = rank(records)[0].rankings
    assert (ranking.tasks, ranking.thin) == (TASKS[:2], TASKS[2:3])
    assert [row.rank for row in ranking.rows] == list(range(1, len(ALGORITHMS) + 1))
    half = [*board(tasks=TASKS[:2]), *board(ALGORITHMS[:3], tasks=TASKS[2:3])]
    assert rank(half)[0].rankings[0].thin == ()


def test_rounding_errors_decide_no_rank() -> None:
    assert statistics.ranks([0.05473684210526313, 0.0547368421052631, 0.1, -np.inf]) == [2, 2, 1, 4]
    values = np.array([0.0, -1.23456789012345e-200, 9.87654321098765e200, np.inf, -np.inf])
    assert statistics.rounded(values) == pytest.approx(
        [0.0, -1.23456789e-200, 9.876543211e200, np.inf, -np.inf], rel=1e-14
    )
    assert np.isnan(statistics.rounded([np.nan])).all()


def test_the_permutation_test_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=6) + 1, rng.normal(size=5)
    exact = stats.permutation_test(
        (x, y), lambda a, b, axis: np.abs(a.mean(axis) - b.mean(axis)), alternative="greater", n_resamples=np.inf
    )
    found = permutation.p_value([x], [y], statistics.mean, rng, level=0.05, draws=20_000)
    assert found == pytest.approx(exact.pvalue, abs=0.01)


def test_the_permutation_test_keeps_its_level_and_knows_when_it_cannot_tell() -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, 2, 4)) for _ in range(400)]
    found = [permutation.p_value(x, y, statistics.iqm, rng, level=0.1, draws=200) for x, y in pairs]
    assert 0.05 < np.mean([value < 0.1 for value in found if value is not None]) < 0.15
    few = [np.arange(3.0)], [np.arange(3.0) + 10]
    assert permutation.p_value(*few, statistics.mean, rng, level=0.05) is None
    assert permutation.p_value(*few, statistics.mean, rng, level=0.11) == pytest.approx(0.1, abs=0.02)


def test_a_folder_without_records_makes_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page" / "index.html"
    assert cli.main(["leaderboard", str(tmp_path), "--out", str(out)]) != 0
    assert f"there are no records (*.jsonl, *.jsonl.gz) in {tmp_path}" in capsys.readouterr().err
    assert not out.parent.exists()
