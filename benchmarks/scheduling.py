"""How much time and memory the bench itself takes for each cell.

    python benchmarks/scheduling.py --cells 1000 --jobs 2

Runs many cells that train and evaluate next to nothing, and takes away the time the workers say they spent
in them. What is left is planning, sending, locking, writing and syncing. A second run over the finished
folder shows what resuming costs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from robust_gym.bench.campaign import Campaign
from robust_gym.bench.cell import Cell
from robust_gym.bench.display import LogDisplay
from robust_gym.bench.engine import Event, Finished
from robust_gym.bench.local import LocalEngine, default_jobs
from robust_gym.bench.store import Store
from robust_gym.plugins import load_plugins
from robust_gym.terminal import console

PLUGIN = str(Path(__file__).with_name("trivial_cells.py").resolve())


class Stopwatch(LogDisplay):
    """Adds up what the workers spent in cells, and prints nothing."""

    in_cells = 0.0
    first_event = 0.0

    def say(self, line: str) -> None:
        """Keep silent."""

    def happened(self, event: Event) -> None:
        """Add the time of a finished cell."""
        super().happened(event)
        self.first_event = self.first_event or time.perf_counter()
        if isinstance(event, Finished):
            self.in_cells += event.resources.wall_seconds


def run(out: Path, cells: list[Cell], jobs: int) -> tuple[float, Stopwatch]:
    """Return the wall time from the first sign of a worker on, and what was counted."""
    watch = Stopwatch(console())
    start = time.perf_counter()
    outcome = Campaign(Store(out), LocalEngine(jobs), watch).run(cells)
    if len(outcome.finished) != len(cells):
        raise SystemExit(f"only {len(outcome.finished)} of {len(cells)} cells are finished: {outcome.failed[:1]}")
    return time.perf_counter() - (watch.first_event or start), watch


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=default_jobs())
    options = parser.parse_args()
    load_plugins([PLUGIN])
    cells = [Cell("trivial", "Trivial-OneStep-v0", seed, "smoke", plugins=(PLUGIN,)) for seed in range(options.cells)]
    before = peak_mib()
    with tempfile.TemporaryDirectory() as name:
        wall, watch = run(Path(name), cells, options.jobs)
        again, _ = run(Path(name), cells, options.jobs)
    number = len(cells)
    print(f"{number} cells, {options.jobs} workers")
    print(f"wall time             {wall:8.2f} s, {1000 * wall / number:.2f} ms a cell")
    print(f"a worker in a cell    {1000 * watch.in_cells / number:8.2f} ms")
    print(f"overhead              {1000 * (wall * options.jobs - watch.in_cells) / number:8.2f} ms of a worker a cell")
    print(f"finding it finished   {1000 * again / number:8.2f} ms a cell")
    print(f"driver's memory       {peak_mib():8.0f} MiB, {peak_mib() - before:.0f} MiB more than before the first cell")


if __name__ == "__main__":
    main()
