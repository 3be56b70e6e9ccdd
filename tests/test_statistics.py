"""The leaderboard's statistics against hand-computed cases and SciPy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from robust_gym.leaderboard import statistics

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def test_mean_works_along_the_last_axis():
    assert statistics.mean([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]]).tolist() == [2.0, 6.0]


def test_iqm_by_hand():
    # Of eight values two are left out at either end.
    assert statistics.iqm([1000.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1000.0]) == 3.5
    # Of three nothing is left out, of five one at either end.
    assert statistics.iqm([1.0, 2.0, 6.0]) == 3.0
    assert statistics.iqm([9.0, 1.0, 2.0, 3.0, -9.0]) == 2.0


@given(NUMBERS)
def test_iqm_is_the_trimmed_mean_of_scipy(values):
    assert statistics.iqm(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25), rel=1e-9, abs=1e-6)


def test_iqm_of_a_batch_is_the_iqm_of_each_row():
    values = np.random.default_rng(0).normal(size=(3, 4, 11))
    batch = statistics.iqm(values)
    assert batch.shape == (3, 4)
    assert batch[2, 1] == pytest.approx(statistics.iqm(values[2, 1]))


def test_cvar_by_hand():
    values = np.arange(20.0)
    assert statistics.cvar(values) == 0.5  # the two worst of twenty
    # A tenth of 25 is 2.5 cells: the third counts half.
    assert statistics.cvar(np.arange(25.0)) == pytest.approx((0 + 1 + 2 * 0.5) / 2.5)
    assert statistics.cvar(np.arange(30.0)) == 1.0  # exactly three, although 0.1 * 30 is not exactly 3
    assert statistics.cvar([7.0, 3.0, 5.0]) == 3.0  # never less than one cell
    assert statistics.cvar([7.0, 3.0, 5.0], fraction=1.0) == 5.0


@given(NUMBERS, st.floats(0.01, 1))
def test_cvar_lies_between_the_worst_and_the_mean(values, fraction):
    found = statistics.cvar(values, fraction)
    assert min(values) - 1e-6 <= found <= np.mean(values) + 1e-6


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1])
def test_cvar_refuses_other_fractions(fraction):
    with pytest.raises(ValueError, match="fraction must be"):
        statistics.cvar([1.0], fraction)


def test_worst_split_and_gap():
    assert statistics.worst({"ood-near": 3.0, "ood-far": -1.0, "ood-drift": 2.0}) == ("ood-far", -1.0)
    assert statistics.worst({"b": 1.0, "a": 1.0}) == ("a", 1.0)
    with pytest.raises(ValueError, match="no splits"):
        statistics.worst({})
    assert statistics.gap(10.0, 4.0) == 6.0


def test_probability_of_improvement_by_hand():
    # First task: of 2 x 2 pairs X wins 3 and ties 1, so 3.5 / 4; second task: X loses always.
    x, y = [[3.0, 2.0], [0.0]], [[1.0, 2.0], [5.0, 6.0, 7.0]]
    assert statistics.probability_of_improvement(x, y) == pytest.approx((3.5 / 4 + 0) / 2)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12), st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_probability_of_improvement_is_the_mann_whitney_statistic(x, y):
    chance = statistics.probability_of_improvement([x], [y])
    u = scipy.stats.mannwhitneyu(x, y, method="asymptotic").statistic if set(x + y) != {x[0]} else len(x) * len(y) / 2
    assert chance == pytest.approx(u / (len(x) * len(y)))
    assert chance + statistics.probability_of_improvement([y], [x]) == pytest.approx(1)


@pytest.mark.parametrize(("x", "y"), [([[1.0]], []), ([], []), ([[]], [[1.0]])])
def test_probability_of_improvement_needs_the_same_tasks_with_seeds(x, y):
    with pytest.raises(ValueError, match="task"):
        statistics.probability_of_improvement(x, y)


@pytest.mark.parametrize("statistic", [statistics.mean, statistics.iqm])
def test_interval_of_one_task_is_that_of_scipy(statistic):
    values = np.random.default_rng(1).normal(size=9)
    low, high = statistics.bootstrap_interval([values], statistic, np.random.default_rng(2))
    theirs = scipy.stats.bootstrap(
        (values,),
        lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis) if statistic is statistics.iqm else x.mean(axis),
        n_resamples=statistics.RESAMPLES,
        confidence_level=statistics.LEVEL,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (low, high) == pytest.approx(tuple(theirs), rel=1e-9)


def test_interval_is_stratified_by_task():
    # Seeds of a task agree, tasks differ: a resample within tasks always has the same mean, one over
    # everything would not.
    tasks = [np.full(5, 1.0), np.full(5, 100.0)]
    low, high = statistics.bootstrap_interval(tasks, statistics.mean, np.random.default_rng(0))
    assert low == high == pytest.approx(50.5)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        tasks = [rng.normal(size=30), 5 + 2 * rng.normal(size=30)]
        low, high = statistics.bootstrap_interval(tasks, statistics.mean, rng, resamples=400)
        hits += low <= 2.5 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_several_quantities_share_their_resamples():
    values = np.random.default_rng(4).normal(size=(2, 6))
    both = statistics.bootstrap_interval([values], statistics.mean, np.random.default_rng(5))
    second = statistics.bootstrap_interval([values[1]], statistics.mean, np.random.default_rng(5))
    assert both[0].shape == (2,)
    assert (both[0][1], both[1][1]) == (second[0], second[1])


def test_no_interval_with_fewer_than_three_seeds_on_any_task():
    rng = np.random.default_rng(0)
    assert statistics.bootstrap_interval([[1.0, 2.0, 3.0], [1.0, 2.0]], statistics.mean, rng) is None
    assert statistics.bootstrap_interval([], statistics.mean, rng) is None
    assert statistics.bootstrap_interval([[1.0, 2.0, 3.0]], statistics.mean, rng) is not None


def test_ranks_share_places_and_leave_out_the_missing():
    assert statistics.ranks([2.0, float("nan"), 5.0, 2.0, 1.0]) == [2, None, 1, 2, 4]
    assert statistics.ranks([]) == []
