"""Checks that every task and kind must pass: run by the tests, by ``robust-gym validate``, and by you on your own."""

from robust_gym.conformance.checks import (
    CHECKS,
    check_api,
    check_none,
    check_protocol,
    check_schedules,
    check_spaces,
    check_spawn,
    check_spec,
    check_task,
    digest,
)
from robust_gym.conformance.chosen import some_disruption
from robust_gym.conformance.effects import check_effect, disruptions
from robust_gym.conformance.entry import check_entry
from robust_gym.conformance.findings import Finding
from robust_gym.conformance.kinds import (
    KIND_CHECKS,
    KIND_TASKS,
    check_kind,
    check_kind_copies,
    check_kind_episodes,
    check_kind_implementation,
    check_kind_levels,
    check_kind_schedules,
    check_kind_seeding,
    check_kind_values,
    kind_tasks,
)
from robust_gym.conformance.randomness import check_randomness, check_seeding
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.conformance.worlds import SLOW_STEPS, STEPS, Worlds

__all__ = [
    "CHECKS",
    "KIND_CHECKS",
    "KIND_TASKS",
    "SLOW_STEPS",
    "STEPS",
    "Finding",
    "Rollout",
    "Worlds",
    "check_api",
    "check_effect",
    "check_entry",
    "check_kind",
    "check_kind_copies",
    "check_kind_episodes",
    "check_kind_implementation",
    "check_kind_levels",
    "check_kind_schedules",
    "check_kind_seeding",
    "check_kind_values",
    "check_none",
    "check_protocol",
    "check_randomness",
    "check_schedules",
    "check_seeding",
    "check_spaces",
    "check_spawn",
    "check_spec",
    "check_task",
    "digest",
    "disruptions",
    "kind_tasks",
    "rollout",
    "some_disruption",
]
