"""``robust-gym merge``: several result stores become one, cell by cell.

A cell's path is its identity, so cells of tasks that are not registered here merge too. What is registered is
checked as the store checks it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from robust_gym.bench.checkpoint import newest
from robust_gym.bench.files import (
    Files,
    Lock,
    make_folder,
    move_aside,
    read_regular,
    remove_temporaries,
    write_atomically,
    write_folder_atomically,
)
from robust_gym.bench.inspecting import Found, cells_below, first_difference, look
from robust_gym.bench.manifest import FOLDER as CAMPAIGNS
from robust_gym.bench.manifest import Manifest, kept
from robust_gym.bench.store import FAILED, LOCK, POLICY, RECORDS
from robust_gym.bench.training import TRAINING_FILE
from robust_gym.plugins import load_plugins
from robust_gym.terminal import console


class StoreError(ValueError):
    """A folder that is not, and cannot become, a store of results."""


@dataclass
class Merged:
    """What a merge did, in cells by path.

    Attributes:
        copied: Finished cells that were written.
        present: Finished cells that lay in the target before.
        failed: Cells that no source finished, and at least one failed.
        trained: Cells that no source finished or failed, with a policy that can still be evaluated.
        conflicts: A line for each cell that two sources finished with different results.
        busy: Cells that another process is computing in the target.
        unfinished: Cells of which there are only checkpoints, which stay where they are.
        damaged: Cells of which nothing could be read.
        left_out: A line about each file that is damaged, or is out of date.
    """

    copied: list[PurePosixPath] = field(default_factory=list)
    present: list[PurePosixPath] = field(default_factory=list)
    failed: list[PurePosixPath] = field(default_factory=list)
    trained: list[PurePosixPath] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    busy: list[PurePosixPath] = field(default_factory=list)
    unfinished: list[PurePosixPath] = field(default_factory=list)
    damaged: list[PurePosixPath] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def merge_command(sources: Sequence[Path], out: Path, plugins: Sequence[str]) -> int:
    """Merge stores, and say how it went.

    Args:
        sources: Folders of results.
        out: The folder they are joined in; may be one of them.
        plugins: Modules to import first, so that what they register is checked too.

    Returns:
        The exit code: 0, or 1 when a cell could not be merged.

    Raises:
        StoreError: If a folder is no store.
        OSError: If the target cannot be written; what was written before is whole, and the same command goes on.
    """
    load_plugins(plugins)
    merged = merge(sources, out)
    say = console().print
    for line in merged.left_out:
        say(f"warning: left out: {line}")
    for line in merged.conflicts:
        say(f"conflict: {line}")
    for path in merged.busy:
        say(f"busy: another process is computing {out / path}; the same command takes it when that is done")
    counts = {
        "copied": len(merged.copied),
        "there already": len(merged.present),
        "failed": len(merged.failed),
        "trained only": len(merged.trained),
        "unfinished and left where they are": len(merged.unfinished),
        "damaged": len(merged.damaged),
        "busy": len(merged.busy),
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count or name in ("copied", "there already")]
    conflicts = len(merged.conflicts)
    parts.append("1 conflict" if conflicts == 1 else f"{conflicts} conflicts")
    say(f"{out}: {' · '.join(parts)}")
    return 1 if merged.conflicts or merged.busy or merged.damaged else 0


def merge(sources: Sequence[Path], out: Path) -> Merged:
    """Join stores; may be killed at any moment and run again.

    Args:
        sources: Folders of results.
        out: The folder they are joined in; what lies there is a source too, and comes first.

    Raises:
        StoreError: If a source holds no cells, or the target holds something else.
        OSError: If the target cannot be written.
    """
    stores = _stores(sources, out)
    paths = sorted({path for store in stores for path in cells_below(store)})
    merged = Merged()
    for path in paths:
        _merge_cell(path, [store for store in stores if (store / path).is_dir()], out, merged)
    _merge_campaigns(stores, out, merged)
    return merged


def _stores(sources: Sequence[Path], out: Path) -> list[Path]:
    for source in sources:
        if not source.is_dir():
            raise StoreError(f"there is no folder {str(source)!r}")
        if next(cells_below(source), None) is None:
            raise StoreError(f"{str(source)!r} is no folder of results: {_EXPECTED}")
    check_target(out)
    by_place: dict[Path, Path] = {}
    for store in (out, *sources):
        if store.is_dir():
            by_place.setdefault(store.resolve(), store)
    return list(by_place.values())


def check_target(out: Path) -> None:
    """Check that results may be written into a folder, which need not be there.

    Raises:
        StoreError: If it is a file, or a folder with other things in it.
    """
    if out.exists() and not out.is_dir():
        raise StoreError(f"{str(out)!r} is a file; results go into a folder")
    if not _may_become_a_store(out):
        raise StoreError(f"{str(out)!r} is not empty, and no folder of results: {_EXPECTED}")


def _may_become_a_store(out: Path) -> bool:
    if next(cells_below(out), None) is not None or (out / CAMPAIGNS).is_dir():
        return True
    return not any(path.is_file() for path in out.rglob("*"))


_EXPECTED = "it holds no <protocol>/<budget>/<task>/<algorithm>/seed-<n>"


@dataclass(frozen=True)
class _Wanted:
    """What should lie in the folder of a cell; ``None`` for a file that no source has."""

    text: bytes | None = None
    policy: Files | None = None
    failure: bytes | None = None
    conflict: str = ""


def _merge_cell(path: PurePosixPath, stores: Sequence[Path], out: Path, merged: Merged) -> None:
    found = [look(store, path, links=False) for store in stores if store != out]
    here = look(out, path)
    wanted = _wanted([here, *found])
    # A folder is made only for what will be in it: a campaign may be about to use it.
    if not wanted.conflict and (not _lies_there(wanted, here) or (out / path / LOCK).exists()):
        make_folder(out / path)
        lock = Lock(out / path / LOCK)
        if not lock.acquire():
            merged.busy.append(path)
            return
        try:
            # Nobody else can change it now; until now a campaign could.
            here = look(out, path)
            wanted = _wanted([here, *found])
            if not wanted.conflict:
                _write(wanted, here)
        finally:
            lock.release()
    problems = [line for one in (here, *found) for line in one.problems]
    merged.left_out += problems
    merged.left_out += [_stray(one) for one in found if one.strays]
    _count(path, wanted, here, merged)
    if wanted == _Wanted():
        if problems:
            merged.damaged.append(path)
        elif any(newest(store / path) is not None for store in stores if store != out):
            merged.unfinished.append(path)


def _count(path: PurePosixPath, wanted: _Wanted, here: Found, merged: Merged) -> None:
    if wanted.conflict:
        merged.conflicts.append(wanted.conflict)
    elif wanted.text is not None:
        (merged.present if here.records else merged.copied).append(path)
    elif wanted.failure is not None:
        merged.failed.append(path)
    elif wanted.policy is not None:
        merged.trained.append(path)


def _wanted(found: Sequence[Found]) -> _Wanted:
    """Choose what to keep: of what several have, the first's."""
    finished = [one for one in found if one.records]
    for other in finished[1:]:
        difference = first_difference(finished[0].records, other.records)
        if difference is not None:
            return _Wanted(conflict=f"{finished[0].folder} and {other.folder} differ in {difference}")
    # Beside finished records, the policy they are of, or one that did exactly the same.
    policy = next((one.policy for one in finished or found if one.policy is not None), None)
    if finished:
        return _Wanted(finished[0].text, policy)
    return _Wanted(None, policy, next((one.failure for one in found if one.failure is not None), None))


def _lies_there(wanted: _Wanted, here: Found) -> bool:
    same_text = wanted.text is None or here.text == wanted.text
    same_policy = wanted.policy is None or here.policy == wanted.policy
    return same_text and same_policy and here.failure == wanted.failure


def _stray(found: Found) -> str:
    first, *others = found.strays
    more = f" and {len(others)} more" if others else ""
    return f"{found.folder / POLICY}: {first!r}{more}, which its {TRAINING_FILE} does not name"


def _write(wanted: _Wanted, here: Found) -> None:
    """Write what is wanted and not there, the records after the policy; nothing that lies there is lost."""
    folder = here.folder
    remove_temporaries(folder)
    policy, records, failed = folder / POLICY, folder / RECORDS, folder / FAILED
    if wanted.policy is not None and here.policy != wanted.policy:
        _make_room(policy)
        write_folder_atomically(policy, wanted.policy)
    elif wanted.policy is None and wanted.text is not None and not records.exists():
        _make_room(policy)  # it waits for an evaluation of its own, and is not what these records are of
    for path, content in ((records, wanted.text), (failed, wanted.failure)):
        if content is not None and not (path.is_file() and path.read_bytes() == content):
            _make_room(path)
            write_atomically(path, content)
    if wanted.text is not None:
        failed.unlink(missing_ok=True)


def _make_room(path: Path) -> None:
    if path.exists():
        move_aside(path)


def _merge_campaigns(stores: Sequence[Path], out: Path, merged: Merged) -> None:
    """Join what the stores know of their campaigns, and every start of each."""
    found: dict[str, list[Manifest]] = {}
    files: dict[str, bytes] = {}
    for store in stores:
        for one in kept(store):
            folder = store / CAMPAIGNS
            try:
                with contextlib.suppress(FileNotFoundError):
                    # Its content is known already, but perhaps through a link.
                    read_regular(folder / f"{one.name}.json", links=store == out)
                    text = read_regular(folder / f"{one.name}.yaml", links=store == out)
                    files.setdefault(f"{one.name}.yaml", text)
            except ValueError as error:
                merged.left_out.append(f"{folder}: {error}")
                continue
            found.setdefault(one.name, []).append(one.manifest)
    for name, manifests in found.items():
        starts = {start.model_dump_json(): start for manifest in manifests for start in manifest.starts}
        joined = Manifest(cells=manifests[0].cells, starts=sorted(starts.values(), key=lambda start: start.at))
        files[f"{name}.json"] = f"{joined.model_dump_json(indent=1)}\n".encode()
    for name, content in files.items():
        path = out / CAMPAIGNS / name
        if not (path.is_file() and path.read_bytes() == content):
            make_folder(path.parent)
            write_atomically(path, content)
