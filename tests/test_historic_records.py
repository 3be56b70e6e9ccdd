"""Records of every earlier version still load, rank and are written again as they were."""

import json
from pathlib import Path

import pytest

from robust_gym import record
from robust_gym.leaderboard import build, load_records, rank

FILES = sorted((Path(__file__).parent / "historic_records").glob("*.jsonl"))


def test_there_are_some():
    assert len(FILES) >= 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_loads_and_loses_nothing(file, tmp_path):
    records = load_records([file])
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == len(lines) > 3
    for old, new in zip(lines, map(json.loads, record.dump(records).splitlines()), strict=True):
        assert {name: new[name] for name in old} == old
    rows = {row.entry.algorithm for group in rank(records) for table in group.tables for row in table.rows}
    assert rows == {line["algorithm"] for line in lines}
    assert all(name in build(records, tmp_path).read_text() for name in rows)


def test_all_versions_together_rank(tmp_path):
    records = load_records(FILES)
    assert len({one.task for one in records}) > 2
    assert build(records, tmp_path).exists()
