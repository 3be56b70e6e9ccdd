"""What ``robust-gym replay`` does: finds policy and record of an episode, films it, and compares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from robust_gym import record, registry
from robust_gym.bench.policies import Found, find_policy
from robust_gym.bench.store import POLICY, RECORDS
from robust_gym.disruption import Disruption
from robust_gym.plugins import load_plugins
from robust_gym.record import RunRecord
from robust_gym.replay.episode import Filmed, film
from robust_gym.replay.video import check_suffix, write_video
from robust_gym.splits import task_protocol
from robust_gym.task import Task
from robust_gym.terminal import console

DIFFERENT = 1
"""Exit code where the episode was not what its record says."""


def replay_command(cell: Path, disruption: str, episode: int, out: Path, plugins: Sequence[str]) -> int:
    """Film an episode of a cell, and say whether it is the recorded one.

    Args:
        cell: A cell's folder, or the records in it.
        disruption: The disruption; one that was not recorded is filmed all the same, with nothing to compare with.
        episode: Which of the episodes, from 0 on.
        out: The video.
        plugins: Modules that register tasks or algorithms.

    Returns:
        The exit code: 0, or ``DIFFERENT``.

    Raises:
        ValueError: If there is no such episode, or the task cannot be drawn; its subclasses say more.
        FileNotFoundError: If there is no such cell, or it holds no policy.
        MissingExtraError: If a package is missing.
    """
    load_plugins(plugins)
    check_suffix(out)
    folder = cell.parent if cell.is_file() else cell
    found, records = _cell(folder, cell)
    task = registry.task(found.training.task)
    task.require()
    text = str(Disruption.parse(disruption).resolved(task.family))
    recorded = next((one for one in records if one.disruption == text), None)
    seed = _seed(task, records, recorded, episode)
    filmed = film(found.policy, task, text, seed)
    shown = write_video(out, filmed.frames, filmed.fps)
    say = console().print
    cost = f", cost {filmed.cost:.10g}" if task.cost else ""
    say(
        f"{task.id}, {text}, episode {episode} (seed {seed}): "
        f"return {filmed.total:.10g}{cost} in {filmed.length} step{'s' if filmed.length != 1 else ''}"
    )
    different = _compared(filmed, recorded, episode)
    say(
        different or ("no record of this disruption to compare with" if recorded is None else "as recorded, to the bit")
    )
    say(f"{out}: {shown} pictures, {len(filmed.frames) / filmed.fps:.1f} s")
    return DIFFERENT if different else 0


def _cell(folder: Path, given: Path) -> tuple[Found, list[RunRecord]]:
    """Return a cell's policy and its records; a policy alone has none.

    Raises:
        FileNotFoundError: If there is no policy.
        ValueError: If the records are of another policy.
    """
    if given.is_file() and not (folder / POLICY).is_dir():
        raise FileNotFoundError(f"there is no folder {POLICY!r} beside {given}: a video needs the policy itself")
    found = find_policy(str(folder), None)
    file = given if given.is_file() else folder / RECORDS
    records = record.load(file) if file.is_file() else []
    training = found.training
    for one in records:
        if (one.task, one.algorithm, one.seed) != (training.task, training.algorithm, training.seed):
            raise ValueError(f"{file} is about {one.algorithm} {one.task} seed {one.seed}, which the policy is not of")
    return found, records


def _seed(task: Task, records: Sequence[RunRecord], recorded: RunRecord | None, episode: int) -> int:
    """Return the seed of an episode: that of the record, or of the cell's other records, or of the protocol.

    Raises:
        ValueError: If there are not so many episodes.
    """
    one = recorded or next(iter(records), None)
    seeds = one.episode_seeds if one else task_protocol(task.id).seeds
    if episode >= len(seeds):
        raise ValueError(f"--episode must be from 0 to {len(seeds) - 1}, got {episode}")
    return seeds[episode]


def _compared(filmed: Filmed, recorded: RunRecord | None, episode: int) -> str | None:
    """Return how an episode differs from its record, or ``None`` where it does not."""
    if recorded is None:
        return None
    pairs = [("return", filmed.total, recorded.returns[episode]), ("length", filmed.length, recorded.lengths[episode])]
    if recorded.costs is not None:
        pairs.append(("cost", filmed.cost, recorded.costs[episode]))
    differences = [f"a {name} of {then!r}" for name, now, then in pairs if now != then]
    if not differences:
        return None
    made = recorded.provenance
    versions = f"robust-gym {made.robust_gym}, {made.machine.processor}"
    return f"DIFFERENT from the record, which has {' and '.join(differences)} (made by {versions})"
