"""Where the pages lie: file names that stay the same, whatever else is published, and that any name may have."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from robust_gym.leaderboard.runs import Entry, RunGroup

_LONGEST = 80


@dataclass(frozen=True)
class Addresses:
    """Links from one page to others.

    Attributes:
        index: To the page of all results.
        tasks: To a task's page, by its id.
        entries: To an entry's page.
    """

    index: str
    tasks: Mapping[str, str]
    entries: Mapping[Entry, str]

    def beside(self) -> Addresses:
        """Return the same links as they are from a page in one of the folders."""
        return Addresses(
            f"../{self.index}",
            {task: f"../{link}" for task, link in self.tasks.items()},
            {entry: f"../{link}" for entry, link in self.entries.items()},
        )


def addresses(index: str, tasks: Iterable[str], entries: Iterable[Entry]) -> Addresses:
    """Give every task and every entry a page.

    Args:
        index: File name of the page of all results; two of them in one folder have folders of their own.
        tasks: Ids of tasks.
        entries: Entries.
    """
    stem = index.rpartition(".")[0]
    before = "" if stem == "index" else f"{slug(stem)}-"
    of_task = file_names(tasks)
    of_entry = {entry: f"{entry.algorithm}-{_hash(entry.arguments)}" for entry in entries}
    files = file_names(of_entry.values())
    return Addresses(
        index,
        {task: f"{before}tasks/{name}.html" for task, name in of_task.items()},
        {entry: f"{before}algorithms/{files[name]}.html" for entry, name in of_entry.items()},
    )


def group_ids(keys: Sequence[RunGroup]) -> list[str]:
    """Return the ids of the groups' parts of a page: in words, with a hash where those are unsafe or another's too."""
    told = [(key.protocol, key.budget, key.train, *[key.episodes, key.part][: 2 if key.part else 1]) for key in keys]
    words = ["-".join(map(str, one)) for one in told]
    alike = Counter(words)
    return [
        one if slug(one) == one and alike[one] == 1 else f"{slug(one)}-{_hash(repr(whole))}"
        for one, whole in zip(words, told, strict=True)
    ]


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name for each name: itself where that is safe and no other differs by case alone, else with a hash.

    A name's file does not depend on the other names, but for those that a file system may take for the same.
    """
    wanted = set(names)
    alike = Counter(name.lower() for name in wanted)
    return {
        name: name if slug(name) == name and alike[name.lower()] == 1 else f"{slug(name)}-{_hash(name)}"
        for name in wanted
    }


def slug(text: str) -> str:
    """Return what is left of a text in a file name or an id: letters, digits, ``-``, ``_`` and inner dots."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:_LONGEST].strip(".-") or "x"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
