"""The schema of results: what loads, what is refused, and how it says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from leaderboard_samples import make

from robust_gym import record
from robust_gym.record import RecordError, RunRecord

SAMPLE = make()


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(SAMPLE.model_dump_json()), **fields})


def test_round_trip() -> None:
    assert list(record.parse(record.dump([SAMPLE, SAMPLE]))) == [SAMPLE, SAMPLE]


def test_line_separators_inside_strings_are_no_line_ends() -> None:
    (loaded,) = record.parse(changed(disruption="none\u2028\u0085") + "\n")
    assert record.dump([loaded]).count("\n") == 1
    assert list(record.parse(record.dump([loaded]))) == [loaded]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"algorithm": "../../etc/passwd"}, "algorithm"),
        ({"task": "<script>"}, "task"),
        ({"returns": [1.0, float("nan")]}, "line 1"),
        ({"returns": ["1.0e999"]}, "returns"),
        ({"returns": []}, "returns"),
        ({"seed": -1}, "seed"),
        ({"protocol_sha256": "abc"}, "protocol_sha256"),
        ({"train": "secretly"}, "train"),
        ({"surprise": 1}, "surprise"),
        ({"arguments": {"x": "y" * 30_000}}, "20,000 characters"),
        ({"schema_version": 2}, "schema_version"),
        ({"episode_seeds": [1]}, "same number of entries"),
    ],
)
def test_what_does_not_follow_the_schema_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        list(record.parse(changed(**fields), "file.jsonl"))


def test_errors_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(record.dump([SAMPLE]) + "{broken\n")
    with pytest.raises(RecordError, match=r"records\.jsonl, line 2"):
        record.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="not a text file"):
        record.load(path)


def test_score_is_normalised_and_not_clipped() -> None:
    base = json.loads(SAMPLE.model_dump_json())
    one = {**base, "returns": [30.0], "lengths": [1], "episode_seeds": [1]}
    scored = RunRecord.model_validate({**one, "random_return": 0.0, "reference_return": 20.0})
    assert scored.score == pytest.approx(1.5)
    assert RunRecord.model_validate({**one, "random_return": None}).score is None
    assert RunRecord.model_validate({**one, "random_return": 5.0, "reference_return": 5.0}).score is None


def test_provenance_describes_this_machine() -> None:
    found = record.provenance()
    assert found.libraries["numpy"]
    assert found.machine.cores >= 1
    assert found.created.tzinfo is not None
    assert found.git_commit is None or len(found.git_commit) == 40


def test_the_schema_is_published_as_json() -> None:
    schema = json.loads(record.json_schema())
    assert "returns" in schema["required"]
