"""From records to rows and ranks: grouping, duplicates, missing results, severity levels."""

import datetime
import math
import random

import numpy as np
import pytest
from leaderboard_samples import ALGORITHMS, PROVENANCE, TASKS, board, make, run

from robust_gym.leaderboard import rank, statistics
from robust_gym.leaderboard.runs import Entry, collect, entry_of, labels
from robust_gym.leaderboard.view import aggregates_table, ranking_table, task_table
from robust_gym.record import Verification


def at(day):
    return PROVENANCE.model_copy(update={"created": datetime.datetime(2026, 1, day, tzinfo=datetime.timezone.utc)})


def cells(task=TASKS[0], **changes):
    """Three disruptions by hand: ID 10, near 8 and 6, far 1."""
    for split, disruption, returns in (
        ("id", "none", (9.0, 11.0)),
        ("ood-near-action", "action:gauss:0.05", (8.0, 8.0)),
        ("ood-near-action", "action:gauss:0.1", (5.0, 7.0)),
        ("ood-far-action", "action:gauss:0.5", (2.0, 0.0)),
    ):
        yield make(task, split=split, disruption=disruption, returns=returns, **changes)


def row_of(records, algorithm=ALGORITHMS[0]):
    (group,) = rank(records)
    (table,) = group.tables
    return next(row for row in table.rows if row.entry.algorithm == algorithm)


def test_values_of_a_row_by_hand():
    row = row_of(list(cells()))
    values = {name: value.value for name, value in row.values.items()}
    assert (values["id"], values["ood"], values["gap"]) == (10.0, 5.0, 5.0)
    assert (values["near"], values["far"]) == (7.0, 1.0)
    assert (values["worst"], row.worst_split) == (1.0, "ood-far-action")
    assert values["cvar"] == 0.0  # the worst of eight episodes
    assert math.isnan(values["mixed"])
    assert (row.rank, row.seeds, row.score) == (1, (0,), None)
    assert all(value.interval is None for value in row.values.values())


def test_worst_split_is_each_run_s_own_and_the_most_frequent_is_named():
    def two_splits(seed, near, far):
        yield make(seed=seed)
        yield make(seed=seed, split="ood-near-action", disruption="action:gauss:0.1", returns=(near, near))
        yield make(seed=seed, split="ood-far-action", disruption="action:gauss:0.5", returns=(far, far))

    runs = [*two_splits(0, near=-9.0, far=5.0), *two_splits(1, near=8.0, far=2.0), *two_splits(2, near=8.0, far=1.0)]
    row = row_of(runs)
    assert (row.worst_split, row.values["worst"].value) == ("ood-far-action", -2.0)
    # Where each is the lowest once, the one with the lower mean is named.
    assert row_of(runs[:6]).worst_split == "ood-near-action"


def test_three_seeds_have_intervals_and_two_have_none():
    for seeds in (2, 3):
        records = [entry for seed in range(seeds) for entry in run(TASKS[0], "synthetic", seed)]
        value = row_of(records, "synthetic").values["ood"]
        assert (value.interval is None) == (seeds < 3)
    low, high = value.interval
    assert low < value.value < high


def test_score_uses_the_references_and_gap_has_no_shift():
    known = {"random_return": 2.0, "reference_return": 12.0}
    (group,) = rank(list(cells(**known)))
    (row,) = group.tables[0].rows
    assert row.score.value == pytest.approx((5 - 2) / 10)
    (ranking,) = group.rankings
    assert ranking.scored
    values = ranking.rows[0].values
    assert values["id"].value == pytest.approx(0.8)
    assert values["gap"].value == pytest.approx(0.5)


def test_one_record_cannot_set_the_scale_of_its_own_score():
    honest = [r for seed in range(2) for r in cells(seed=seed, random_return=2.0, reference_return=12.0)]
    cheat = list(cells(algorithm="cheat", random_return=-1000.0, reference_return=-999.0))
    (group,) = rank(honest + cheat)
    assert [row.score.value for row in group.tables[0].rows] == pytest.approx([0.3, 0.3])
    assert group.tables[0].runs.other_references == 1


@pytest.mark.parametrize(
    "known",
    [
        {"random_return": 3.0, "reference_return": 3.0},
        {"random_return": 4.0, "reference_return": 3.0},
        {"random_return": 3.0},
        {"random_return": 0.0, "reference_return": 5e-324},
        {"random_return": -1e308, "reference_return": 1e308},
    ],
)
def test_unusable_references_give_raw_returns_only(known):
    (group,) = rank(list(cells(**known)))
    assert group.tables[0].rows[0].score is None
    assert not group.rankings[0].scored


@pytest.mark.parametrize(
    "change",
    [
        {"budget": "standard"},
        {"train": "disrupted"},
        {"protocol": "v2"},
        {"protocol_sha256": "0" * 64},
        {"task_version": 1},
        {"budget_steps": 99},
        {"episode_seeds": (1, 2)},
    ],
)
def test_what_is_not_comparable_is_not_ranked_together(change):
    groups = rank([*cells(), *cells(algorithm="other", **change)])
    assert [len(group.tables[0].rows) for group in groups] == [1, 1]


def test_another_number_of_episodes_is_another_group():
    groups = rank([make(), make(algorithm="other", returns=(1.0,))])
    assert sorted(group.key.episodes for group in groups) == [1, 2]


def test_privileges_stay_in_one_table():
    (group,) = rank([*cells(), *cells(algorithm="other", privileges=("parameter-box",))])
    assert {row.privileges for row in group.tables[0].rows} == {(), ("parameter-box",)}


def test_tasks_with_two_hashes_keep_the_checked_one_in_front():
    whole = list(run(TASKS[0], "whole", episodes=2))
    stray = [r for seed in range(5) for r in cells(algorithm="stray", seed=seed, protocol_sha256="0" * 64)]
    first, second = rank(stray + whole)
    assert (first.key.part, second.key.part) == (0, 1)
    assert first.tables[0].runs.checked
    assert [row.label for row in first.tables[0].rows] == ["whole"]
    assert not second.tables[0].runs.checked


def test_cells_are_checked_against_the_hash():
    whole = list(run(TASKS[0], "whole"))
    assert rank(whole)[0].tables[0].runs.checked
    assert not rank(whole[:-1])[0].tables[0].runs.checked
    other_seeds = [r.model_copy(update={"episode_seeds": tuple(range(5))}) for r in whole]
    assert not rank(other_seeds)[0].tables[0].runs.checked


def test_records_outside_a_checked_protocol_spoil_nothing():
    whole = list(run(TASKS[0], "whole"))
    extra = make(TASKS[0], "odd", split="ood-near-extra", disruption="extra:x:1", returns=(1e6,) * 5)
    (group,) = rank([*whole, extra])
    (table,) = group.tables
    assert table.runs.outside == 1
    assert [(row.label, row.rank, row.left_out) for row in table.rows] == [("whole", 1, 0), ("odd", None, 1)]


def test_incomplete_runs_are_left_out_and_counted():
    short = [r for r in cells(seed=1) if r.split != "ood-far-action"]
    row = row_of([*cells(), *short])
    assert (row.seeds, row.left_out, row.values["ood"].value) == ((0,), 1, 5.0)
    row = row_of([*cells(), *(r.model_copy(update={"algorithm": "short"}) for r in short)], "short")
    assert (row.rank, row.left_out) == (None, 1)
    assert math.isnan(row.values["ood"].value)


def test_of_duplicates_the_newest_stays():
    old = list(cells(provenance=at(1)))
    new = [r.model_copy(update={"returns": (0.0, 0.0), "provenance": at(2)}) for r in old]
    for records in (old + new, new + old):
        collection = collect(records)
        assert collection.duplicates == len(old)
        assert row_of(records).values["ood"].value == 0.0


def test_times_with_and_without_zone_can_be_compared():
    naive = PROVENANCE.model_copy(update={"created": datetime.datetime(2026, 1, 3)})
    records = [make(provenance=at(2)), make(provenance=naive, returns=(1.0, 1.0))]
    assert collect(records).records[0].returns == (1.0, 1.0)


def test_arguments_make_another_entry_with_a_label_that_tells_them_apart():
    first, second = make(arguments={"rho": 0.1, "width": 64}), make(arguments={"rho": 0.2, "width": 64})
    named = labels([entry_of(first), entry_of(second), Entry("plain", "{}")])
    assert sorted(named.values()) == ["plain", "synthetic-brittle (rho=0.1)", "synthetic-brittle (rho=0.2)"]
    (group,) = rank([first, second])
    assert len(group.tables[0].rows) == 2


def test_labels_are_always_distinct():
    entries = [entry_of(make(arguments={"text": "x" * 100 + str(number)})) for number in range(3)]
    assert len(set(labels(entries).values())) == 3


def test_ranking_across_tasks_is_the_iqm_of_scores():
    records = list(board())
    (group,) = rank(records)
    (ranking,) = group.rankings
    assert [row.rank for row in ranking.rows] == [1, 2, 3, 4, 5]
    row = ranking.rows[0]
    scores = []
    for table in group.tables:
        low, high = table.runs.reference
        returns = table.runs.results[row.entry].returns.mean(axis=-1)
        outside = [place for place, (split, _) in enumerate(table.runs.cells) if split != "id"]
        scores += ((returns[:, outside].mean(axis=1) - low) / (high - low)).tolist()
    assert len(scores) == 12
    assert row.values["ood"].value == pytest.approx(float(statistics.iqm(scores)))
    low, high = row.values["ood"].interval
    assert low < row.values["ood"].value < high
    assert row.aggregates["iqm"] == row.values["ood"]
    assert row.aggregates["median"].value == pytest.approx(np.median(scores))
    assert row.aggregates["optimality gap"].value == pytest.approx(np.mean([max(0, 1 - score) for score in scores]))


def test_what_some_tasks_lack_is_taken_over_those_that_have_it():
    known = {"random_return": 0.0, "reference_return": 10.0}
    records = [entry for task in TASKS for entry in cells(task, **known)]
    season = {"split": "ood-semantic", "disruption": "dynamics:city:tampa", "returns": (3.0, 4.0)}
    (without,) = rank(records)[0].rankings
    (ranking,) = rank([*records, make(TASKS[0], **known, **season)])[0].rankings
    (row,) = ranking.rows
    assert row.values["semantic"].value == pytest.approx(0.35)
    assert row.values["near"] == without.rows[0].values["near"]
    columns = {column.title: column for column in ranking_table(ranking).columns}
    assert columns["Semantic"].about.endswith("1 of these 4 tasks have it")
    assert "tasks" not in columns["Near"].about
    assert "Semantic" not in {column.title for column in ranking_table(without).columns}


def test_the_gap_of_a_ranking_is_that_of_its_scores():
    (group,) = rank(list(board()))
    for row in group.rankings[0].rows:
        assert row.values["gap"].value == row.values["id"].value - row.values["ood"].value
    row = group.tables[0].rows[0]
    assert row.values["gap"].value == pytest.approx(row.values["id"].value - row.values["ood"].value)


def test_repeated_runs_rank_as_one_does():
    once = [record for record in board() if not record.seed]
    thrice = [
        record.model_copy(update={"algorithm": f"{record.algorithm}-thrice", "seed": seed})
        for record in once
        for seed in range(3)
    ]
    (group,) = rank([*once, *thrice])
    values = {row.label: row.values["ood"].value for row in group.rankings[0].rows}
    for name in {record.algorithm for record in once}:
        assert values[name] == pytest.approx(values[f"{name}-thrice"])


def test_a_rank_has_a_range_where_there_are_seeds_enough():
    records = [
        *board(),
        *(record.model_copy(update={"algorithm": "one-seed"}) for record in board() if not record.seed),
    ]
    (group,) = rank(records)
    (ranking,) = group.rankings
    for row in ranking.rows:
        if row.label == "one-seed":
            assert row.rank_range is None
        else:
            best, worst = row.rank_range
            assert 1 <= best <= row.rank <= worst <= len(ranking.rows)
    table = ranking_table(ranking)
    assert any("fewer than 3 seeds" in note for note in table.notes)
    assert not ranking_table(rank(list(board()))[0].rankings[0]).notes
    cells = table.rows
    assert [bool(row[0].small) for row in cells] == [row.label != "one-seed" for row in ranking.rows]
    table = aggregates_table(ranking)
    assert [column.title for column in table.columns] == [
        "Rank",
        "Algorithm",
        "IQM",
        "Mean",
        "Median",
        "Optimality gap",
        "Tasks",
    ]
    assert [row[2].small.startswith("[") for row in table.rows] == [row.label != "one-seed" for row in ranking.rows]


def test_a_missing_task_is_shown_and_never_filled_in():
    records = list(board()) + list(
        run(TASKS[0], "easy-only", level=1000.0, random_return=5.0, reference_return=100.0)
    )  # fmt: skip
    (group,) = rank(records)
    (ranking,) = group.rankings
    last = ranking.rows[-1]
    assert (last.label, last.rank, last.tasks_done, len(ranking.tasks)) == ("easy-only", None, 1, 4)
    assert last.values["ood"].value > ranking.rows[0].values["ood"].value
    assert [row.rank for row in ranking.rows[:-1]] == [1, 2, 3, 4, 5]


def test_families_with_different_algorithms_are_ranked_on_their_own():
    known = {"random_return": 5.0, "reference_return": 100.0}
    records = [*run(TASKS[0], "one", family="first", **known), *run(TASKS[1], "two", family="second", **known)]
    (group,) = rank(records)
    assert [(ranking.family, ranking.rows[0].rank) for ranking in group.rankings] == [("first", 1), ("second", 1)]
    everywhere = list(records)
    for label in ("both", "also-both"):
        everywhere += run(TASKS[0], label, family="first", **known)
        everywhere += run(TASKS[1], label, family="second", **known)
        (group,) = rank(everywhere)
        across = [None] if label == "also-both" else []  # a single entry with all tasks is compared with nobody
        assert [ranking.family for ranking in group.rankings] == [*across, "first", "second"]
    assert {row.label for row in group.rankings[0].rows if row.rank} == {"both", "also-both"}


def test_without_references_all_families_share_one_table():
    (group,) = rank([*run(TASKS[0], "one", family="first"), *run(TASKS[1], "two", family="second")])
    (ranking,) = group.rankings
    assert (ranking.family, ranking.tasks, ranking.scored) == (None, TASKS[:2], False)
    assert [row.task_ranks for row in ranking.rows] == [(1, None), (None, 1)]


def test_without_references_every_task_ranks_on_its_own():
    (group,) = rank(list(board(references=False)))
    (ranking,) = group.rankings
    assert not ranking.scored
    assert all(row.rank is None for row in ranking.rows)
    for place, task in enumerate(ranking.tasks):
        table = next(table for table in group.tables if table.runs.task == task)
        assert {r.label: r.task_ranks[place] for r in ranking.rows} == {r.label: r.rank for r in table.rows}
    won = [row.tasks_won for row in ranking.rows]
    assert won == sorted(won, reverse=True)
    assert sum(won) >= len(ranking.tasks)


def test_probability_of_improvement_uses_tasks_that_both_did():
    records = [*cells(), *cells(algorithm="better"), *cells(algorithm="apart", task=TASKS[1])]
    records = [
        r.model_copy(update={"returns": tuple(x + 1 for x in r.returns)}) if r.algorithm == "better" else r
        for r in records
    ]
    (group,) = rank(records)
    (ranking,) = group.rankings
    places = {row.label: place for place, row in enumerate(ranking.rows)}
    chances = ranking.improvement
    assert chances[places["better"], places[ALGORITHMS[0]]] == 1.0
    assert chances[places[ALGORITHMS[0]], places["better"]] == 0.0
    assert np.isnan(chances[places["apart"], places["better"]])


def test_the_order_of_records_does_not_matter():
    records = list(board(tasks=TASKS[:2]))
    wanted = rank(records)[0]
    random.Random(0).shuffle(records)
    # In another order the cells cannot be checked against the hash; nothing else changes.
    found = rank(records)[0]
    assert [[(row.label, row.rank) for row in table.rows] for table in found.tables] == [
        [(row.label, row.rank) for row in table.rows] for table in wanted.tables
    ]
    for ours, theirs in zip(wanted.rankings[0].rows, found.rankings[0].rows, strict=True):
        assert ours.values["ood"].value == pytest.approx(theirs.values["ood"].value)
        assert ours.values["ood"].interval == pytest.approx(theirs.values["ood"].interval)


def test_the_same_records_give_the_same_numbers_to_the_bit():
    first, second = (rank(list(board(tasks=TASKS[:2]))) for _ in range(2))
    assert repr(first[0].rankings[0].rows) == repr(second[0].rankings[0].rows)  # NaN equals NaN in words only


def test_nothing_gives_nothing():
    assert rank([]) == []


def test_costs_are_shown_where_all_records_of_a_run_have_them():
    with_costs = [
        record.model_copy(update={"costs": tuple(place + 10.0 * (record.split == "id") for place in range(2))})
        for record in cells()
    ]
    row = row_of([*with_costs, *cells(algorithm=ALGORITHMS[1])])
    assert (row.costs["id"].value, row.costs["ood"].value) == (10.5, 0.5)
    (group,) = rank([*with_costs, *cells(algorithm=ALGORITHMS[1])])
    (table,) = group.tables
    shown = task_table(table)
    places = [place for place, column in enumerate(shown.columns) if column.title in ("OOD cost", "ID cost")]
    named = {cells_of[1].text: [cells_of[place].text for place in places] for cells_of in shown.rows}
    assert named == {ALGORITHMS[0]: ["0.500", "10.50"], ALGORITHMS[1]: ["–", "–"]}
    half = row_of([with_costs[0], *list(cells())[1:]])
    assert half.costs == {}
    (without,) = rank(list(cells()))
    assert not [column for column in task_table(without.tables[0]).columns if "cost" in column.title]


def test_rows_say_whether_somebody_has_played_them_again():
    def with_verdict(algorithm, *verdicts):
        for seed, verdict in enumerate(verdicts):
            for record in cells(algorithm=algorithm, seed=seed):
                found = verdict and Verification(
                    verdict=verdict,
                    exact=True,
                    cells=1,
                    episodes=2,
                    fresh=0,
                    submission_sha256="0" * 64,
                    provenance=PROVENANCE,
                )
                yield record.model_copy(update={"verification": found})

    records = [
        *with_verdict(ALGORITHMS[0], "verified", "verified"),
        *with_verdict(ALGORITHMS[1], "verified", None),
        *with_verdict(ALGORITHMS[2], "verified", "not verified"),
    ]
    (group,) = rank(records)
    (table,) = group.tables
    checked = {row.label: row.checked for row in table.rows}
    assert checked == dict(zip(ALGORITHMS, ("verified", "self-reported", "not verified"), strict=False))
    assert [column.title for column in task_table(table).columns][-1] == "Checked"
    (plain,) = rank(list(cells()))
    assert [column.title for column in task_table(plain.tables[0]).columns][-1] == "Privileges"
