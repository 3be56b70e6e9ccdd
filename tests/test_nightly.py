"""What the nightly run of the property suite has found for the slow tasks."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import nightly

import robust_gym
from robust_gym import conformance, registry

RESULTS = nightly.load()


@pytest.mark.parametrize("id", nightly.slow_tasks())
def test_a_slow_task_has_passed_as_it_stands(id: str) -> None:
    known = RESULTS.get(id)
    assert known, f"{id} has not been checked: run `make nightly`"
    assert known["fingerprint"] == nightly.fingerprint(id), f"{id} has changed since: run `make nightly`"
    assert list(known["checks"]) == list(conformance.CHECKS)
    assert set(known["checks"].values()) == {"ok"}


def test_over_two_hundred_tasks_are_proven() -> None:
    """Twins that differ only in how the reward is given count once."""
    proven = [id for id in robust_gym.list_tasks() if registry.task(id).missing() is None]
    distinct = {id.replace("Dense", "").replace("Sparse", "") for id in proven}
    assert len(distinct) >= 200


def _about(version: str) -> Any:
    machine = SimpleNamespace(python="3.11.7")
    return SimpleNamespace(libraries={"numpy": version}, machine=machine, created=datetime.datetime(2026, 11, 20))


def test_every_result_names_the_versions_it_was_found_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, one, other = nightly.slow_tasks()[:3]
    file = tmp_path / "nightly.json"
    file.write_text(json.dumps({"libraries": {"numpy": "1"}, "python": "3.10", "tasks": {old: {"seconds": 1.0}}}))
    monkeypatch.setattr(nightly, "FILE", file)
    for id, version in ((one, "2"), (other, "3")):
        nightly.save(id, {"seconds": 2.0}, _about(version))
    data = json.loads(file.read_text())
    found = {id: data["environments"][data["tasks"][id]["environment"]] for id in (one, other)}
    assert found[one] == {"libraries": {"numpy": "2"}, "python": "3.11.7"}
    assert found[other]["libraries"] == {"numpy": "3"}
    # Of a result from before, no more is known than what the head says.
    assert nightly.load()[old] == {"seconds": 1.0}
    assert (data["libraries"], data["python"]) == ({"numpy": "1"}, "3.10")

    for id in (old, one):
        nightly.save(id, {"seconds": 3.0}, _about("3"))
    data = json.loads(file.read_text())
    assert sorted(data) == ["environments", "tasks"]
    assert len(data["environments"]) == 1


def test_a_check_that_came_since_joins_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id = nightly.slow_tasks()[0]
    known = {
        "fingerprint": nightly.fingerprint(id),
        "checks": dict.fromkeys(list(conformance.CHECKS)[1:], "ok"),
        "seconds": 5.0,
        "date": "2026-01-01",
        "environment": "abc",
    }
    asked: list[list[str]] = []

    def check_task(id: str, names: list[str]) -> list[conformance.Finding]:
        asked.append(names)
        return [conformance.Finding(name, True) for name in names]

    monkeypatch.setattr(conformance, "check_task", check_task)
    assert not nightly.up_to_date(id, {id: known})
    found = nightly.check(id, nightly.passed(id, {id: known}))
    assert asked == [[next(iter(conformance.CHECKS))]]
    assert (found["date"], found["environment"]) == ("2026-01-01", "abc")
    assert list(found["checks"]) == list(conformance.CHECKS)
    assert nightly.up_to_date(id, {id: found})

    monkeypatch.setattr(nightly, "FILE", tmp_path / "nightly.json")
    (tmp_path / "nightly.json").write_text(
        json.dumps({"environments": {"abc": {"python": "3.10"}}, "tasks": {id: known}})
    )
    nightly.save(id, found, _about("3"))
    assert json.loads((tmp_path / "nightly.json").read_text())["tasks"][id]["environment"] == "abc"
    # One of another entry, or that failed, is checked anew.
    for change in ({"fingerprint": "other"}, {"checks": {"api": "it failed"}}):
        assert nightly.passed(id, {id: {**known, **change}}) == {}
