"""``robust-gym verify``: a submission, read without trusting it, played again and judged."""

from __future__ import annotations

import functools
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from robust_gym import record
from robust_gym.bench.files import make_folder, write_atomically, write_files
from robust_gym.bench.limits import Limits
from robust_gym.bench.merging import check_target, merge
from robust_gym.bench.store import RECORDS
from robust_gym.bench.training import provenance
from robust_gym.leaderboard.text import clean
from robust_gym.plugins import load_plugins
from robust_gym.record import RecordError
from robust_gym.submission.archive import unpack
from robust_gym.submission.checking import Run, common_protocol, problems
from robust_gym.submission.consistency import LEVEL, PERMUTATIONS, TOLERANCE
from robust_gym.submission.gathering import runs_below
from robust_gym.submission.isolated import verify_run_within
from robust_gym.submission.manifest import SubmissionError, cell_of
from robust_gym.submission.replaying import Check, verify_run
from robust_gym.submission.verdict import EXIT_CODES, MOST_REASONS, RunVerdict, Settings, Verdict, joined
from robust_gym.terminal import console, table

TEST = (
    "two-sided permutation test of the mean return over the sampled cells, recorded against fresh episode seeds "
    f"(all ways to deal them out, or at least {PERMUTATIONS:,} drawn); the level is divided by the number of runs"
)

COLUMNS = ("run", "cells", "to the bit", "recorded", "replayed", "fresh", "p", "verdict")


@dataclass(frozen=True)
class Options:
    """What ``verify`` is asked to do.

    Attributes:
        file: The submission.
        cells: Disruptions of each run to play again.
        fresh: Fresh episodes under each of them; more where the test needs them, and none where it is 0.
        seed: Chooses both; ``None`` draws one that the submitter could not know.
        trust_code: Whether to import the code that the submission names.
        out: Where the verdict is written; ``None`` for beside the submission.
        results: Folder of results that the records join, each with its verdict; ``None`` for none.
        plugins: Modules that register tasks or algorithms.
        limits: What playing a run may use. With one, each run is played in a process of its own.
    """

    file: Path
    cells: int = 5
    fresh: int = 20
    seed: int | None = None
    trust_code: bool = False
    out: Path | None = None
    results: Path | None = None
    plugins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def verify_command(options: Options) -> int:
    """Verify a submission, print what came of it and write it down.

    Returns:
        The exit code, after ``EXIT_CODES``.

    Raises:
        ValueError: If the options make no sense.
        OSError: If the submission cannot be read or the verdict cannot be written.
    """
    options.limits.check_system()
    load_plugins(options.plugins)
    out = console()
    # Before hours of playing, not after them.
    target = options.out or options.file.with_suffix(".verdict.json")
    if target.is_dir():
        raise ValueError(f"{str(target)!r} is a folder; --out names a file for the verdict")
    options.file.stat()
    make_folder(target.absolute().parent)
    if options.results is not None:
        check_target(options.results)
    with tempfile.TemporaryDirectory() as name:
        verdict, runs = verify(options, Path(name), out.print)
        write_atomically(target, (verdict.model_dump_json(indent=1) + "\n").encode())
        if options.results is not None and runs:
            _join(verdict, runs, Path(name), options.results, out.print)
    if verdict.runs:
        out.print(table(COLUMNS, map(_row, verdict.runs), numbers=COLUMNS[1:-1]))
        out.print()
    for reason in verdict.reasons:
        out.print(reason)
    out.print(f"{clean(options.file.name)}: {verdict.verdict} (seed {verdict.settings.seed}; {target})")
    return EXIT_CODES[verdict.verdict]


def verify(
    options: Options, folder: Path, say: Callable[[str], None] = lambda line: None
) -> tuple[Verdict, tuple[Run, ...]]:
    """Read a submission and play its policies again.

    Args:
        options: What to do.
        folder: An empty folder, for the time of reading; in the end it holds the submission as a folder of results.
        say: Takes a line about every run.

    Returns:
        The verdict, and the runs; none where the submission is refused.

    Raises:
        OSError: If it cannot be read.
    """
    here = provenance()
    settings = Settings(
        seed=secrets.randbits(32) if options.seed is None else options.seed,
        cells=options.cells,
        fresh=options.fresh,
        trust_code=options.trust_code,
        tolerance=TOLERANCE,
        test=TEST,
        level=LEVEL,
        time_limit=options.limits.seconds,
        memory_limit=options.limits.memory_mib,
    )
    try:
        manifest, files, sha256 = unpack(options.file)
        write_files(folder, files)
        paths = sorted({PurePosixPath(cell) for name in files if (cell := cell_of(name))})
        runs = _read(folder, paths)
        if common_protocol(runs) != manifest.protocol:
            raise SubmissionError(f"its records are not of protocol {manifest.protocol}, which its manifest names")
        wrong = [f"{run.path}: {problem}" for run in runs for problem in problems(run, manifest.policy_entry)]
    except (SubmissionError, RecordError, ValueError) as error:
        reason = f"refused: {clean(' '.join(str(error).split()), 500)}"
        refused = Verdict(
            verdict="not verified", reasons=(reason,), file=options.file.name, settings=settings, provenance=here
        )
        return refused, ()
    about = {
        "file": options.file.name,
        "sha256": sha256,
        "name": manifest.name,
        "policy_entry": manifest.policy_entry,
        "settings": settings,
        "provenance": here,
    }
    if wrong:
        reasons = tuple(f"refused: {clean(line, 500)}" for line in wrong[:MOST_REASONS])
        return Verdict.model_validate({**about, "verdict": "not verified", "reasons": reasons}), ()
    check = Check(options.cells, options.fresh, LEVEL / len(runs), manifest.policy_entry, options.trust_code, here)
    within = functools.partial(verify_run_within, options.limits, options.plugins)
    play = within if options.limits.any else verify_run
    found: list[RunVerdict] = []
    for place, run in enumerate(runs):
        found.append(play(run, folder / run.path, check, (settings.seed, place)))
        say(f"{run.path}: {found[-1].verdict}")
    word, reasons = joined(found)
    return Verdict.model_validate({**about, "verdict": word, "reasons": reasons, "runs": tuple(found)}), tuple(runs)


def _read(folder: Path, paths: Sequence[PurePosixPath]) -> list[Run]:
    """Read the runs of a submission that was unpacked.

    Raises:
        SubmissionError: If one is damaged or has no records, or there is none.
    """
    runs = []
    for path, (run, damage) in zip(paths, runs_below(folder, paths), strict=True):
        if damage:
            raise SubmissionError(damage[0])
        if run is None:
            raise SubmissionError(f"{path} holds no records")
        runs.append(run)
    if not runs:
        raise SubmissionError("it holds no run")
    return runs


def _join(verdict: Verdict, runs: Sequence[Run], folder: Path, results: Path, say: Callable[[str], None]) -> None:
    """Put the records, with the verdict in each, and the policies into a folder of results."""
    assert verdict.sha256 is not None
    for run, judged in zip(runs, verdict.runs, strict=True):
        mark = judged.for_records(verdict.sha256, verdict.provenance)
        marked = [one.model_copy(update={"verification": mark}) for one in run.records]
        (folder / run.path / RECORDS).write_bytes(record.dump(marked).encode())
    merged = merge([folder], results)
    for line in merged.conflicts:
        say(f"conflict: {line}")
    for path in merged.present:
        say(f"there already, and left as it is: {results / path}")
    say(f"{results}: {len(merged.copied)} runs written, with their verdicts")


def _row(run: RunVerdict) -> tuple[str, ...]:
    if not run.cells:
        return (run.run, "0", "", "", "", "", "", run.verdict)
    fresh = [cell.fresh_mean for cell in run.cells if cell.fresh_mean is not None]
    return (
        run.run,
        str(len(run.cells)),
        str(sum(cell.exact for cell in run.cells)),
        _mean([cell.recorded_mean for cell in run.cells]),
        _mean([cell.replayed_mean for cell in run.cells]),
        _mean(fresh) if fresh else "",
        "" if run.p_value is None else f"{run.p_value:.3f}",
        run.verdict,
    )


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):,.2f}"
