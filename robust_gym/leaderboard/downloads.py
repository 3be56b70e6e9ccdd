"""The raw data beside a page, in files that people can take home."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from robust_gym import record
from robust_gym.leaderboard.text import clean
from robust_gym.record import RunRecord
from robust_gym.task import MissingExtraError


@dataclass(frozen=True)
class Download:
    """A file beside the page.

    Attributes:
        name: What it is called.
        kind: Which sort of file it is.
        content: What is in it.
    """

    name: str
    kind: str
    content: bytes

    @property
    def kilobytes(self) -> int:
        """Its size."""
        return -(-len(self.content) // 1000)


def downloads(records: Sequence[RunRecord], stem: str, formats: Sequence[str]) -> list[Download]:
    """Write records in several formats.

    Args:
        records: The records.
        stem: How the files' names begin.
        formats: Names in ``FORMATS``.

    Raises:
        ValueError: If a format is none of them.
        MissingExtraError: If Parquet is wanted, and pyarrow is not installed.
    """
    found = []
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"there is no format {name!r} of raw data; there are {', '.join(FORMATS)}")
        ending, kind, write = FORMATS[name]
        found.append(Download(f"{stem}.{ending}", kind, write(records)))
    return found


def _packed(text: str) -> bytes:
    # Without the time, so that the same records give the same file; level 4 takes a third of the time of 9.
    return gzip.compress(text.encode(), compresslevel=4, mtime=0)


def _jsonl(records: Sequence[RunRecord]) -> bytes:
    return _packed(record.dump(records))


def _row(one: RunRecord) -> dict[str, Any]:
    """Return a record as a row: what names it, and what came out; the rest is in the JSON lines."""
    return {
        "algorithm": one.algorithm,
        "arguments": one.arguments_json,
        "task": one.task,
        "family": one.family,
        "seed": one.seed,
        "train": one.train,
        "budget": one.budget,
        "protocol": one.protocol,
        "protocol_sha256": one.protocol_sha256,
        "split": one.split,
        "disruption": one.disruption,
        "episodes": len(one.returns),
        "mean_return": one.mean_return,
        "min_return": min(one.returns),
        "mean_length": _mean_length(one),
        "mean_cost": None if one.costs is None else sum(one.costs) / len(one.costs),
        "random_return": one.random_return,
        "reference_return": one.reference_return,
        "train_seconds": one.train_seconds,
        "privileges": " ".join(one.privileges),
        "robust_gym": one.provenance.robust_gym,
        "git_commit": one.provenance.git_commit or "",
        "task_version": min(one.task_version, _MOST),
        "budget_steps": min(one.budget_steps, _MOST),
        "steps_used": min(one.steps_used, _MOST),
        "verification": one.verification.verdict if one.verification else "",
    }


_MOST = 2**63 - 1
"""The largest whole number of a column; a stranger's may have hundreds of digits."""


def _mean_length(one: RunRecord) -> float:
    try:
        return sum(one.lengths) / len(one.lengths)
    except OverflowError:  # a stranger's number of hundreds of digits
        return math.inf


def _csv(records: Sequence[RunRecord]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_row(records[0]) if records else [])
    for one in records:
        writer.writerow([_cell(value) if isinstance(value, str) else value for value in _row(one).values()])
    return _packed(text.getvalue())


@functools.lru_cache(maxsize=10_000)
def _cell(value: str) -> str:
    """Keep a stranger's text from being taken for a formula by a spreadsheet, or for several lines."""
    line = clean(value, 10_000)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line


def _parquet(records: Sequence[RunRecord]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(
            'Parquet files need the extra "parquet": pip install "robust-gym[parquet]"; '
            "--data jsonl csv writes the others"
        ) from None
    rows = [{**_row(one), "returns": list(one.returns), "costs": one.costs and list(one.costs)} for one in records]
    columns = [
        *((name, pa.string()) for name in ("algorithm", "arguments", "task", "family")),
        ("seed", pa.int64()),
        *((name, pa.string()) for name in ("train", "budget", "protocol", "protocol_sha256", "split", "disruption")),
        ("episodes", pa.int64()),
        *((name, pa.float64()) for name in ("mean_return", "min_return", "mean_length", "mean_cost")),
        *((name, pa.float64()) for name in ("random_return", "reference_return", "train_seconds")),
        *((name, pa.string()) for name in ("privileges", "robust_gym", "git_commit")),
        *((name, pa.int64()) for name in ("task_version", "budget_steps", "steps_used")),
        ("verification", pa.string()),
        ("returns", pa.list_(pa.float64())),
        ("costs", pa.list_(pa.float64())),
    ]
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, pa.schema(columns)), file, compression="zstd")
    return file.getvalue()


FORMATS: Mapping[str, tuple[str, str, Callable[[Sequence[RunRecord]], bytes]]] = MappingProxyType(
    {
        # Not ``.jsonl``, so that it is not taken for further results.
        "jsonl": ("ndjson.gz", "JSON lines, whole", _jsonl),
        "csv": ("csv.gz", "CSV, a row for each record", _csv),
        "parquet": ("parquet", "Parquet, a row for each record with every return", _parquet),
    }
)
"""Formats of the raw data: ending, description, and what writes it."""

USUAL = ("jsonl", "csv")
"""The formats that are written unless others are asked for; they need no further package."""
