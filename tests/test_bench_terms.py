"""A worker whose packages differ from the driver's computes nothing, and nothing that it has computed is kept."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, logged, records_of  # noqa: F401

from robust_gym.bench.engine import Event, Failed, Finished, Job
from robust_gym.bench.slurm_job import hand_over
from robust_gym.bench.store import Store
from robust_gym.bench.terms import terms_of
from robust_gym.bench.worker import run
from robust_gym.record import RecordError

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def last_event(**changes: Any) -> Event:
    events: list[Event] = []
    run(Job(cell(), planned=replace(terms_of(cell()), **changes)), events.append)
    return events[-1]


def test_a_worker_that_agrees_computes(log: Path) -> None:
    assert isinstance(last_event(), Finished)
    assert logged(log, "train") == ["Fake-Walk-v0 0"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"arguments": {}}, "its gain was no argument, and is now 0.0"),
        ({"task_version": 7}, "its task was at version 7, and is now at 0"),
        ({"protocol_sha256": "0" * 64}, "its task has other cells in protocol v1 now"),
    ],
)
def test_a_worker_of_another_version_does_not_train(log: Path, changes: dict[str, Any], problem: str) -> None:
    failed = last_event(**changes)
    assert isinstance(failed, Failed)
    planned = "ValueError: the driver planned another cell, perhaps with another version of a package: "
    assert failed.error == planned + problem
    assert failed.phase == "start"
    assert not logged(log, "train")


def test_a_job_of_slurm_knows_what_was_planned(tmp_path: Path) -> None:
    job = Job(cell(), {"weights": b""}, planned=terms_of(cell()))
    sent = pickle.loads(pickle.dumps(hand_over(job, tmp_path)))
    assert sent.policy is None
    assert sent.planned == job.planned


def test_records_with_other_arguments_are_not_kept(tmp_path: Path) -> None:
    claim = Store(tmp_path).claim(cell())
    assert claim is not None
    records = [entry.model_copy(update={"arguments": {**entry.arguments, "gain": 9.0}}) for entry in records_of(cell())]
    with pytest.raises(RecordError, match="other arguments than planned, perhaps by another version: its gain was 9.0"):
        claim.keep_records(records)
    claim.release()
    assert not list(tmp_path.rglob("records*"))
