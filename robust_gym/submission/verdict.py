"""What comes of a verification, as it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from robust_gym.record import Provenance, Verification

Word = Literal["verified", "not verified", "could not be verified"]

EXIT_CODES: dict[Word, int] = {"verified": 0, "not verified": 1, "could not be verified": 3}
"""How ``robust-gym verify`` ends; 2 is an error in its use."""

MOST_REASONS = 20
"""Reasons that are written down for a run, and for the whole."""


class CellVerdict(BaseModel):
    """One disruption that was played again.

    Attributes:
        split: Its split.
        disruption: Canonical disruption string.
        exact: Whether every episode was the same to the bit: return, length and cost.
        recorded_mean: Mean return of the record.
        replayed_mean: Mean return of the same episodes, played again.
        fresh_mean: Mean return of episodes with fresh seeds; ``None`` where there were none.
    """

    model_config = ConfigDict(frozen=True)

    split: str
    disruption: str
    exact: bool
    recorded_mean: float
    replayed_mean: float
    fresh_mean: float | None


class RunVerdict(BaseModel):
    """One policy that was played again, or could not be.

    Attributes:
        run: Path of its cell.
        verdict: What came of it.
        reasons: Why it is not ``verified``.
        unlike: In what the installation and machine of the record differ from those here.
        p_value: Of the permutation test that the fresh episodes have the mean of the recorded ones.
        episodes: Episodes played again.
        fresh: Episodes with fresh seeds.
        cells: The disruptions.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    verdict: Word
    reasons: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    p_value: float | None = None
    episodes: int = 0
    fresh: int = 0
    cells: tuple[CellVerdict, ...] = ()

    def for_records(self, sha256: str, provenance: Provenance) -> Verification:
        """Return what the run's records say of it.

        Args:
            sha256: Hash of the submission.
            provenance: Of this verification.
        """
        return Verification(
            verdict=self.verdict,
            reasons=tuple(reason[:2000] for reason in self.reasons[:MOST_REASONS]),
            exact=bool(self.cells) and all(cell.exact for cell in self.cells),
            cells=len(self.cells),
            episodes=self.episodes,
            fresh=self.fresh,
            submission_sha256=sha256,
            provenance=provenance,
        )


class Settings(BaseModel):
    """What was asked for: with the same settings and versions, the same verdict comes of the same file.

    Attributes:
        seed: Of the choice of cells and of the fresh episode seeds.
        cells: Disruptions of each run.
        fresh: Fresh episodes under each of them, at least.
        trust_code: Whether a stranger's code was run.
        tolerance: By how much a cell's mean return may differ where versions or processors do.
        test: The test of the fresh episodes.
        level: Its level, for all runs together.
        time_limit: Seconds that playing a run could take; ``None`` for any.
        memory_limit: MiB that it could hold; ``None`` for any.
    """

    model_config = ConfigDict(frozen=True)

    seed: int
    cells: int
    fresh: int
    trust_code: bool
    tolerance: float
    test: str
    level: float
    time_limit: float | None = None
    memory_limit: float | None = None


class Verdict(BaseModel):
    """A whole submission.

    Attributes:
        format: Version of the format.
        verdict: ``verified`` where every run is; ``not verified`` where one is not; else ``could not be verified``.
        reasons: Why it is not ``verified``.
        file: Name of the submission.
        sha256: Its hash; ``None`` where it could not be read.
        name: Who it says it is from.
        policy_entry: The code that it names.
        settings: What was asked for.
        runs: Every run.
        provenance: Versions and machine, and when.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    verdict: Word
    reasons: tuple[str, ...] = ()
    file: str
    sha256: str | None = None
    name: str | None = None
    policy_entry: str | None = None
    settings: Settings
    runs: tuple[RunVerdict, ...] = ()
    provenance: Provenance


def joined(runs: Sequence[RunVerdict]) -> tuple[Word, tuple[str, ...]]:
    """Return the verdict of all runs together, and the reasons."""
    words = {run.verdict for run in runs}
    word: Word = "verified"
    for one in ("could not be verified", "not verified"):
        word = one if one in words else word
    reasons = [f"{run.run}: {reason}" for run in runs for reason in run.reasons if run.verdict == word]
    return word, tuple(reasons[:MOST_REASONS])
