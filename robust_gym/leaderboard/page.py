"""The leaderboard: pages that need nothing else, from records alone."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from robust_gym.leaderboard import columns, provenance
from robust_gym.leaderboard.addresses import Addresses
from robust_gym.leaderboard.boards import Boards, boards
from robust_gym.leaderboard.diff import diff_data
from robust_gym.leaderboard.downloads import USUAL, Download, downloads
from robust_gym.leaderboard.memory import no_collection
from robust_gym.leaderboard.runs import Entry, collect
from robust_gym.leaderboard.sections import group_sections
from robust_gym.leaderboard.subpages import entry_parts, task_parts
from robust_gym.leaderboard.text import clean
from robust_gym.record import RunRecord


def build(records: Sequence[RunRecord], out: Path, data: Sequence[str] = USUAL) -> Path:
    """Write the leaderboard: a page of all results, one for each task and each algorithm, and the raw data.

    The same records give the same files, to the byte; a Parquet file also names the version of what wrote it.

    Args:
        records: Records; without any, the page says how to make the first ones.
        out: The page of all results where it ends in ``.html``, else a directory for ``index.html``. The other files
            lie beside it: ``tasks/``, ``algorithms/`` and the raw data.
        data: Formats of the raw data, of ``downloads.FORMATS``.

    Returns:
        The page of all results.

    Raises:
        ValueError: If there is no such format.
        MissingExtraError: If a format needs a package that is missing.
    """
    page = out if out.suffix.lower() in (".html", ".htm") else out / "index.html"
    with no_collection():
        return _build(records, page, data)


def _build(records: Sequence[RunRecord], page: Path, data: Sequence[str]) -> Path:
    collection = collect(records)
    with ThreadPoolExecutor(1) as other:  # packing files needs no interpreter
        packing = other.submit(downloads, collection.records, page.stem, data if records else ())
        found = boards(collection, page.name)
        links = found.addresses.beside()
        written = {name: _task(task, found, links) for task, name in found.addresses.tasks.items()}
        written |= {name: _entry(entry, found, links) for entry, name in found.addresses.entries.items()}
        beside = packing.result()
    # The page that leads to all others comes last.
    written[page.name] = _index(found, beside)
    for one in beside:
        _write(page.with_name(one.name), one.content)
    for name, text in written.items():
        _write(page.parent / name, text.encode())
    return page


def _index(found: Boards, beside: Sequence[Download]) -> str:
    kept = found.collection.records
    families = sorted({clean(one.family, 60) for one in kept})
    sections = group_sections(found)
    return _render(
        "index.html",
        groups=sections,
        records=len(kept),
        entries=len(found.labels),
        tasks=len(found.addresses.tasks),
        duplicates=found.collection.duplicates,
        downloads=beside,
        sources=provenance.sources(kept) if kept else None,
        version=provenance.newest_version(kept) if kept else "",
        about={columns.column_of(name).title: meaning for name, meaning in columns.ABOUT.items()},
        families=families,
        channels=sorted(
            {
                column.channel
                for group in sections
                for ranking in group.rankings
                if ranking.channels
                for column in ranking.channels.columns
                if column.channel
            }
        ),
        protocols=sorted({group.protocol for group in sections}),
        privileges=sorted({clean(name, 60) for one in kept for name in one.privileges})[:20],
        results=diff_data(found),
    )


def _task(task: str, found: Boards, links: Addresses) -> str:
    parts = task_parts(task, found, links)
    family = next(runs.family for group in found.collection.groups for runs in group.tasks if runs.task == task)
    return _render("task.html", task=clean(task, 80), family=clean(family, 60), parts=parts, index=links.index)


def _entry(entry: Entry, found: Boards, links: Addresses) -> str:
    return _render(
        "algorithm.html",
        label=clean(found.labels[entry], 80),
        algorithm=clean(entry.algorithm, 80),
        arguments=clean(entry.arguments, 2_000),
        parts=entry_parts(entry, found, links),
        index=links.index,
    )


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("robust_gym.leaderboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def _render(name: str, **values: Any) -> str:
    environment = _templates()
    parts = ("sorting.html", "choosing.html") if name == "index.html" else ("sorting.html",)
    script = "".join(environment.get_template(part).render() for part in parts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(name).render(script=Markup(script), script_hash=digest, **values)


def _write(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.write_bytes(content)
    new.replace(path)
