"""How often the leaderboard's intervals and winners are right where two methods are equal.

    python benchmarks/coverage.py [--trials 1000] [--keep]

In every trial the scores of two methods are drawn from one normal distribution, for some seeds of some tasks. An
interval at 95 % should hold the true score in 95 % of the trials, and a winner should be named in 5 % at most.
"""

from __future__ import annotations

import argparse

import numpy as np
from recorded import Table, command

from robust_gym.leaderboard import bootstrap, permutation, statistics

SHAPES = ((1, 3), (1, 5), (1, 10), (3, 3), (3, 5), (3, 10))
"""Numbers of tasks and of seeds."""


def shares(tasks: int, seeds: int, trials: int) -> tuple[float, float, float | None]:
    """Return in which share of the trials each is so.

    Args:
        tasks: Number of tasks.
        seeds: Number of seeds of each.
        trials: Number of trials.

    Returns:
        The interval of the score holds the true one; the interval of the difference leaves out 0; a winner is named,
        or ``None`` where so few seeds name none.
    """
    rng = np.random.default_rng([tasks, seeds])
    statistic = statistics.mean if tasks == 1 else statistics.iqm
    held = apart = won = 0
    for _ in range(trials):
        x, y = (list(rng.normal(size=(tasks, seeds))) for _ in range(2))
        of_x = bootstrap.bootstrap_interval(x, statistic, rng)
        of_both = bootstrap.difference_interval(x, y, statistic, rng)
        assert of_x is not None
        assert of_both is not None
        held += bool(of_x[0] <= 0 <= of_x[1])
        apart += not of_both[0] <= 0 <= of_both[1]
        p_value = permutation.p_value(x, y, statistic, rng, 0.05, draws=1_000)
        won += p_value is not None and p_value < 0.05
    return held / trials, apart / trials, won / trials if p_value is not None else None


def measure(trials: int, repeat: str) -> Table:
    """Try all numbers of tasks and seeds."""
    rows = []
    for tasks, seeds in SHAPES:
        held, apart, won = shares(tasks, seeds, trials)
        what = f"{tasks} task{'s' if tasks > 1 else ''}, {seeds} seeds"
        rows.append((what, f"{held:.1%}", f"{apart:.1%}", "never" if won is None else f"{won:.1%}"))
    columns = ("Two equal methods", "interval holds the score", "interval of the difference leaves out 0", "winner")
    return Table("coverage", repeat, columns, rows, page="results.md")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="coverage.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument(
        "--keep", action="store_true", help="write the table into benchmarks/results and docs/results.md"
    )
    options = parser.parse_args()
    table = measure(options.trials, command(parser, options))
    print(table)
    if options.keep:
        table.keep()
