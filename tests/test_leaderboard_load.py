"""Finding records in files and directories."""

import gzip
from pathlib import Path

import pytest
from leaderboard_samples import make

from robust_gym import record
from robust_gym.leaderboard import load_records
from robust_gym.record import RecordError


def test_load_records_finds_files_below_directories_once(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "records.jsonl").write_text(record.dump([make(seed=1)]))
    (tmp_path / "a" / "more.jsonl").write_text(record.dump([make(seed=2)]))
    (tmp_path / "a" / "packed.jsonl.gz").write_bytes(gzip.compress(record.dump([make(seed=4)]).encode()))
    (tmp_path / "a" / "records.corrupt-1.jsonl").write_text("set aside by bench")
    (tmp_path / "plain.ndjson").write_text(record.dump([make(seed=3)]))
    found = load_records([tmp_path / "plain.ndjson", tmp_path, tmp_path / "a" / "more.jsonl"])
    assert [entry.seed for entry in found] == [3, 1, 2, 4]
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


def test_compressed_records(tmp_path: Path) -> None:
    text = record.dump([make(seed=3), make(seed=4)]).encode()
    file = tmp_path / "more.ndjson.gz"
    file.write_bytes(gzip.compress(text))
    assert [one.seed for one in load_records([file])] == [3, 4]
    for content in (text, gzip.compress(text)[:-20], b"\x1f\x8b\x08broken"):
        file.write_bytes(content)
        with pytest.raises(RecordError, match="is no whole gzip file"):
            load_records([file])


def test_a_compressed_file_that_claims_to_be_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LARGEST", 1 << 20)
    file = tmp_path / "bomb.ndjson.gz"
    file.write_bytes(gzip.compress(b"\n" * (8 << 20)))
    with pytest.raises(RecordError, match="holds more than"):
        load_records([file])
