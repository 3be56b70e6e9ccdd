"""All groups of results that rank together, with the names, styles and links that every page gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robust_gym.leaderboard import runs
from robust_gym.leaderboard.addresses import Addresses, addresses, group_ids
from robust_gym.leaderboard.runs import Collection, Entry, RunGroup
from robust_gym.leaderboard.tables import Group, group_tables
from robust_gym.record import EXTERNAL, RunRecord

_TRAINED = {"nominal": "on the undisturbed task", "disrupted": "with disruptions"}


@dataclass(frozen=True)
class Board:
    """One group.

    Attributes:
        id: Its id on every page.
        title: Its title.
        about: What its results have in common, in a sentence or two.
        group: Its tables.
    """

    id: str
    title: str
    about: str
    group: Group


@dataclass(frozen=True)
class Boards:
    """All groups.

    Attributes:
        collection: The records kept.
        boards: The groups, in the order of the page.
        labels: Name of each entry.
        styles: Style of each entry in every plot.
        addresses: Links from the page of all results.
    """

    collection: Collection
    boards: tuple[Board, ...]
    labels: Mapping[Entry, str]
    styles: Mapping[Entry, int]
    addresses: Addresses


def boards(collection: Collection, index: str = "index.html") -> Boards:
    """Return groups with all their rows and ranks.

    Args:
        collection: Records, sorted into groups that may be ranked together.
        index: File name of the page of all results.
    """
    named = runs.labels(entry for group in collection.groups for task in group.tasks for entry in task.results)
    # What overflows becomes infinite or NaN, which the tables show as missing.
    with np.errstate(all="ignore"):
        groups = [group_tables(group, named) for group in collection.groups]
    found = tuple(
        Board(id, title, _about(group.key, group), group)
        for id, title, group in zip(group_ids(collection.groups), _titles(groups), groups, strict=True)
    )
    tasks = {task.task for group in collection.groups for task in group.tasks}
    return Boards(collection, found, named, _styles(groups), addresses(index, tasks, named))


def rank(records: Sequence[RunRecord]) -> list[Group]:
    """Return the groups of records that may be ranked together, with all their rows and ranks."""
    return [board.group for board in boards(runs.collect(records)).boards]


def _titles(groups: Sequence[Group]) -> list[str]:
    """Name groups by budget and training, and where that is not enough, by protocol and episodes."""
    short = [
        "Policies trained elsewhere"
        if group.key.budget == EXTERNAL
        else f"Budget {group.key.budget}, trained {_TRAINED[group.key.train]}"
        for group in groups
    ]
    titles = []
    for title, key in zip(short, (group.key for group in groups), strict=True):
        longer = f"{title} ({key.protocol}, {key.episodes} episodes)" if short.count(title) > 1 else title
        titles.append(f"{longer}, other cells {key.part}" if key.part else longer)
    return titles


def _styles(groups: Sequence[Group]) -> dict[Entry, int]:
    """Give every entry one style for all plots; the best of the first group come first and look least alike."""
    styles: dict[Entry, int] = {}
    for group in groups:
        ranked = [row.entry for ranking in group.rankings for row in ranking.rows]
        for entry in (*ranked, *(row.entry for table in group.tables for row in table.rows)):
            styles.setdefault(entry, len(styles))
    return styles


def _about(key: RunGroup, group: Group) -> str:
    entries = len({row.entry for table in group.tables for row in table.rows})
    counts = [(len(group.tables), "task"), (entries, "algorithm"), (key.episodes, "episode")]
    tasks, algorithms, episodes = (f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    text = f"Protocol {key.protocol}, {tasks}, {algorithms}, {episodes} for every disruption and seed."
    if key.budget == "smoke":
        text += " This budget only checks that everything runs; its numbers say nothing about the methods."
    if key.part:
        text += (
            " These results are of tasks that also appear above, with another protocol hash, task version, number "
            "of training steps or other episodes; the two are never ranked together."
        )
    return text
