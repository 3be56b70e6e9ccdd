"""Finding records in files and directories."""

import pytest
from leaderboard_samples import make

from robust_gym import record
from robust_gym.leaderboard import load_records
from robust_gym.record import RecordError


def test_load_records_finds_files_below_directories_once(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "records.jsonl").write_text(record.dump([make(seed=1)]))
    (tmp_path / "a" / "more.jsonl").write_text(record.dump([make(seed=2)]))
    (tmp_path / "a" / "records.corrupt-1.jsonl").write_text("set aside by bench")
    (tmp_path / "plain.ndjson").write_text(record.dump([make(seed=3)]))
    found = load_records([tmp_path / "plain.ndjson", tmp_path, tmp_path / "a" / "more.jsonl"])
    assert [entry.seed for entry in found] == [3, 1, 2]
    assert load_records([]) == []


def test_load_records_names_file_and_line_of_a_fault(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text(record.dump([make()]) + "{}\n")
    with pytest.raises(RecordError, match=r"records\.jsonl, line 2"):
        load_records([tmp_path])
    with pytest.raises(RecordError, match="nowhere does not exist"):
        load_records([tmp_path / "nowhere"])


def test_load_records_reports_what_cannot_be_read(tmp_path):
    (tmp_path / "odd.jsonl").mkdir()
    with pytest.raises(RecordError, match=r"odd\.jsonl cannot be read"):
        load_records([tmp_path])
