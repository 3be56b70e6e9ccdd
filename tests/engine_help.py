"""What the tests of engines share."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from bench_help import HERE, wait_until

from robust_gym.bench import cores
from robust_gym.bench.campaign import Campaign, Outcome
from robust_gym.bench.cell import Cell
from robust_gym.bench.display import LogDisplay
from robust_gym.bench.engine import Engine, Event, Failed, Finished, Job
from robust_gym.bench.store import Store
from robust_gym.terminal import console


@pytest.fixture
def cores_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep other tests that run at the same time from taking the cores, and let them be taken in a container too."""
    monkeypatch.setattr(cores, "others_hidden", lambda: False)
    monkeypatch.setattr(cores, "NAME", f"\0robust-gym-{uuid.uuid4()}-{{core}}")


@pytest.fixture(name="log")
def log_of_fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(tmp_path / "log"))
    # For processes that are not started by this one.
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    return tmp_path / "log"


def run(engine: Engine, *jobs: Job, seconds: float = 120.0) -> list[Event]:
    """Submit jobs and return their events."""
    events: list[Event] = []
    for job in jobs:
        engine.submit(job)

    def ended() -> bool:
        events.extend(engine.wait(0.2))
        return sum(isinstance(event, (Finished, Failed)) for event in events) == len(jobs)

    wait_until(ended, seconds)
    return events


def campaign(engine: Engine, out: Path, cells: list[Cell]) -> Outcome:
    return Campaign(Store(out), engine, LogDisplay(console())).run(cells)
