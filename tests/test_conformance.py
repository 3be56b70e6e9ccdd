"""Property tests over every registered task."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest

import robust_gym
from robust_gym import conformance, registry

# Slow tasks are proven by `make nightly`, whose record is checked in test_nightly.py; tasks whose packages are not
# installed (StarCraft II cannot be, from PyPI) are neither proven nor counted.
TASKS = [id for id in robust_gym.list_tasks() if not registry.task(id).slow and registry.task(id).missing() is None]
CHECKS = [name for name in conformance.CHECKS if name != "spawn"]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("id", TASKS)
@pytest.mark.filterwarnings("ignore")  # of the libraries underneath, about spaces and deprecations
def test_task(id: str, check: str) -> None:
    conformance.CHECKS[check](id)


@pytest.fixture(scope="module")
def spawned() -> Iterator[Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield pool


@pytest.mark.parametrize("id", TASKS)
def test_spawned_process_gives_the_same_rollout(id: str, spawned: Any) -> None:
    task = registry.task(id)
    disruption = conformance.some_disruption(task)
    assert spawned.apply(conformance.digest, (task, disruption)) == conformance.digest(task, disruption)


def test_check_task_reports_every_check() -> None:
    findings = conformance.check_task("Robust-CartPole-v0")
    assert [finding.check for finding in findings] == list(conformance.CHECKS)
    assert all(finding.ok for finding in findings), findings


def test_a_broken_task_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that writes nothing must be caught: a parameter without effect is a defect."""
    from robust_gym.tasks.classic_control import AttributeDynamics

    monkeypatch.setattr(AttributeDynamics, "_write", lambda self, values: None)
    with pytest.raises(AssertionError, match="no effect.*dynamics:gravity"):
        conformance.check_effect("Robust-CartPole-v0")


def test_every_family_is_covered() -> None:
    families = {registry.task(id).family for id in TASKS}
    assert families >= {"mujoco", "classic_control", "box2d", "building", "mpe"}
    assert len(robust_gym.list_tasks("mujoco")) == 11
    assert len(robust_gym.list_tasks("classic_control")) == 5


def test_some_checks_are_run_alone() -> None:
    findings = conformance.check_task("Robust-CartPole-v0", ["protocol", "entry"])
    assert [finding.check for finding in findings] == ["entry", "protocol"]
    with pytest.raises(ValueError, match="there is no check 'entries'; there are entry, api, .* Did you mean 'entry'?"):
        conformance.check_task("Robust-CartPole-v0", ["entries"])
