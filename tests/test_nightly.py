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
