"""The leaderboard's statistics against hand-computed cases and SciPy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from robust_gym.leaderboard import bootstrap, statistics

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def test_mean_works_along_the_last_axis():
    assert statistics.mean([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]]).tolist() == [2.0, 6.0]


def test_iqm_by_hand():
    # Of eight values two are left out at either end.
    assert statistics.iqm([1000.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1000.0]) == 3.5
    # Of three 0.75 are left out at either end, of five 1.25: what is left of the last one counts by its part.
    assert statistics.iqm([1.0, 2.0, 6.0]) == pytest.approx((0.25 * 1 + 2 + 0.25 * 6) / 1.5)
    assert statistics.iqm([9.0, 1.0, 2.0, 4.0, -9.0]) == pytest.approx((0.75 * 1 + 2 + 0.75 * 4) / 2.5)
    assert (statistics.iqm([7.0]), statistics.iqm([1.0, 2.0])) == (7.0, 1.5)


@given(NUMBERS)
def test_iqm_is_the_trimmed_mean_of_scipy_where_a_quarter_is_whole(values):
    wanted = scipy.stats.trim_mean(np.repeat(values, 4), 0.25)
    assert statistics.iqm(np.repeat(values, 4)) == pytest.approx(wanted, rel=1e-9, abs=1e-6)
    # As often as each value is there, the mean of the middle half is the same.
    assert statistics.iqm(values) == pytest.approx(wanted, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("statistic", [statistics.mean, statistics.iqm, statistics.median, statistics.optimality_gap])
@given(seeds=st.lists(st.integers(1, 4), min_size=1, max_size=5), salt=st.integers(0, 10**6))
def test_every_task_counts_the_same_however_many_seeds_it_has(statistic, seeds, salt):
    rng = np.random.default_rng(salt)
    tasks = [rng.normal(size=(2, count)).round(1) for count in seeds]
    # Twelve is a multiple of each: repeated, all tasks have as many.
    alike = [np.repeat(values, 12 // values.shape[-1], axis=-1) for values in tasks]
    wanted = statistic(np.concatenate(alike, axis=-1))
    assert statistics.pooled(tasks, statistic) == pytest.approx(wanted, abs=1e-9)
    assert (statistics.task_weights(tasks) is None) == (len(set(seeds)) == 1)


def test_weights_are_part_of_the_interval():
    tasks = [np.array([0.0, 0.0, 0.01]), np.full(30, 1.0)]
    low, high = bootstrap.bootstrap_interval(tasks, statistics.mean, np.random.default_rng(0))
    assert (low, high) == pytest.approx((0.5, 0.5), abs=0.006)


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
    values = np.random.default_rng(1).normal(size=8)
    low, high = bootstrap.bootstrap_interval([values], statistic, np.random.default_rng(2))
    theirs = scipy.stats.bootstrap(
        (values,),
        lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis) if statistic is statistics.iqm else x.mean(axis),
        n_resamples=bootstrap.RESAMPLES,
        confidence_level=bootstrap.LEVEL,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (low, high) == pytest.approx(tuple(theirs), rel=1e-9)


def test_interval_is_stratified_by_task():
    # Seeds of a task agree, tasks differ: a resample within tasks always has the same mean, one over
    # everything would not.
    tasks = [np.array([1.0, 1.0, 1.0, 1.0, 1.01]), np.full(5, 100.0)]
    low, high = bootstrap.bootstrap_interval(tasks, statistics.mean, np.random.default_rng(0))
    assert (low, high) == pytest.approx((50.5, 50.5), abs=0.005)
    assert bootstrap.bootstrap_interval(tasks[1:], statistics.mean, np.random.default_rng(0)) is None  # copies of a run


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        tasks = [rng.normal(size=30), 5 + 2 * rng.normal(size=30)]
        low, high = bootstrap.bootstrap_interval(tasks, statistics.mean, rng, resamples=400)
        hits += low <= 2.5 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_several_quantities_share_their_resamples():
    values = np.random.default_rng(4).normal(size=(2, 6))
    both = bootstrap.bootstrap_interval([values], statistics.mean, np.random.default_rng(5))
    second = bootstrap.bootstrap_interval([values[1]], statistics.mean, np.random.default_rng(5))
    assert both[0].shape == (2,)
    assert (both[0][1], both[1][1]) == (second[0], second[1])


def test_no_interval_with_fewer_than_three_seeds_on_any_task():
    rng = np.random.default_rng(0)
    assert bootstrap.bootstrap_interval([[1.0, 2.0, 3.0], [1.0, 2.0]], statistics.mean, rng) is None
    assert bootstrap.bootstrap_interval([], statistics.mean, rng) is None
    assert bootstrap.bootstrap_interval([[1.0, 2.0, 3.0]], statistics.mean, rng) is not None


def test_ranks_share_places_and_leave_out_the_missing():
    assert statistics.ranks([2.0, float("nan"), 5.0, 2.0, 1.0]) == [2, None, 1, 2, 4]
    assert statistics.ranks([]) == []


def test_median_and_optimality_gap_by_hand():
    assert statistics.median([[3.0, 1.0, 2.0], [4.0, 8.0, 100.0]]).tolist() == [2.0, 8.0]
    # What lies beyond the target makes up for nothing: misses of 0.5, 0 and 0.25.
    assert statistics.optimality_gap([0.5, 7.0, 0.75]) == 0.25
    assert statistics.optimality_gap([5.0, 9.0], target=10.0) == 3.0


def test_profile_by_hand():
    assert statistics.profile([0.1, 0.5, 0.9, 0.9], [0.0, 0.5, 0.8, 0.95]).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert statistics.profile(np.zeros((3, 5)), [0.0, -1.0]).tolist() == [[0.0, 1.0]] * 3


@given(NUMBERS)
def test_profile_falls(values):
    shares = statistics.profile(values, np.sort(values))
    assert (np.diff(shares) <= 0).all()
    assert shares[-1] == 0


def test_curve_area_by_hand():
    assert statistics.curve_area([0.8] * 6) == pytest.approx(0.8)
    assert statistics.curve_area([1.0, 0.5, 0.0]) == pytest.approx(0.5)
    assert statistics.curve_area([[1.0, 0.0], [2.0, 4.0]]).tolist() == [0.5, 3.0]
    with pytest.raises(ValueError, match="at least two levels, got 1"):
        statistics.curve_area([1.0])


def test_improvement_interval():
    rng = np.random.default_rng(0)
    x, y = [rng.normal(0.5, 1, 40), rng.normal(0.0, 1, 40)], [rng.normal(0, 1, 40) for _ in range(2)]
    low, high = bootstrap.improvement_interval(x, y, np.random.default_rng(1))
    assert low < statistics.probability_of_improvement(x, y) < high
    # With one task the Mann-Whitney statistic is SciPy's, and so is its bootstrap.
    theirs = scipy.stats.bootstrap(
        (x[0], y[0]),
        lambda a, b: scipy.stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)),
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(2),
        n_resamples=2000,
    ).confidence_interval
    ours = bootstrap.improvement_interval(x[:1], y[:1], np.random.default_rng(3))
    np.testing.assert_allclose(ours, theirs, atol=0.015)
    assert bootstrap.improvement_interval([[1.0, 2.0]], [[1.0, 2.0, 3.0]], rng) is None
    assert bootstrap.improvement_interval([[5.0, 6.0, 7.0]], [[1.0, 2.0, 3.0]], rng) == (1.0, 1.0)
    assert bootstrap.improvement_interval([[5.0] * 3], [[1.0, 2.0, 3.0]], rng) is None


def test_rank_ranges():
    rng = np.random.default_rng(0)
    clear = [[rng.normal(mean, 0.01, 5) for _ in range(3)] for mean in (2.0, 3.0, 1.0)]
    assert bootstrap.rank_ranges(clear, statistics.iqm, rng) == [(2, 2), (1, 1), (3, 3)]
    alike = [[rng.normal(0, 1, 5) for _ in range(2)] for _ in range(3)]
    best, worst = np.transpose(bootstrap.rank_ranges(alike, statistics.iqm, rng))
    assert best.min() == 1
    assert worst.max() == 3
    assert (worst > best).any()
    few = [np.arange(3.0)]
    same = [[np.ones(3)], [np.ones(3)], few]
    assert bootstrap.rank_ranges(same, statistics.mean, rng)[:2] == [None, None]  # copies of one run
    # One with few seeds has no range, but the others are ranked among it.
    assert bootstrap.rank_ranges([few, [np.full(2, 5.0)]], statistics.mean, rng) == [(2, 2), None]
    assert bootstrap.rank_ranges([[np.ones(1)], [np.ones(2)]], statistics.mean, rng) == [None, None]
    with pytest.raises(ValueError, match="at least one seed"):
        bootstrap.rank_ranges([few, [np.ones(0)]], statistics.mean, rng)
    assert bootstrap.rank_ranges([], statistics.mean, rng) == []


def test_rank_ranges_hold_the_rank_as_often_as_they_say():
    """Of two entries whose seeds come from one distribution, each is the better one half of the time."""
    rng = np.random.default_rng(0)
    entries = [[rng.normal(0, 1, 30)], [rng.normal(0, 1, 30)]]
    low, high = bootstrap.rank_ranges(entries, statistics.mean, np.random.default_rng(1), level=0.5)[0]
    difference = entries[0][0].mean() - entries[1][0].mean()
    chance = scipy.stats.norm.cdf(difference / np.hypot(*[one[0].std() / np.sqrt(30) for one in entries]))
    assert (low, high) == ((1, 1) if chance > 0.75 else (2, 2) if chance < 0.25 else (1, 2))
